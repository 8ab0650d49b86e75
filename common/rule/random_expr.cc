#include "common/rule/random_expr.h"

#include <algorithm>
#include <memory>
#include <vector>

#include "common/rule/check.h"
#include "common/rule/normalise.h"
#include "common/rule/refusal.h"

namespace breakwater::rule {
namespace {

constexpr std::string_view kPrefixes[] = {"0.0.0.0/0",       "192.0.2.0/24",    "192.0.2.0/25", "192.0.2.128/25",
                                          "192.0.2.7",       "203.0.113.64/26", "::/0",         "2001:db8::/32",
                                          "2001:db8:1::/48", "2001:db8::1"};
constexpr std::string_view kAddresses[] = {"192.0.2.7",   "192.0.2.200",   "203.0.113.65", "198.51.100.1",
                                           "2001:db8::1", "2001:db8:1::5", "2001:db9::1"};
constexpr std::string_view kTexts[] = {"", "a", "ab", "abc", "/wp-login.php", "b\"c", "\\", "*", "?", "\xc3\xbc"};
constexpr std::string_view kGlobs[] = {"*", "a*", "*c", "a?c", "**", "a*?*", "???", "/wp-*.php", "abc", "?"};
constexpr std::string_view kCountries[] = {"NL", "DE", "US"};
constexpr std::string_view kKeys[] = {"a", "x-b"};

template <size_t N>
std::string_view Pick(Random& random, const std::string_view (&pool)[N]) {
  return pool[random.Below(N)];
}

// Small numbers, mostly, and the ends of the range.
uint64_t RandomNumber(Random& random, uint64_t max) {
  if (random.OneIn(8)) return max - random.Below(std::min<uint64_t>(max, 2) + 1);
  if (random.OneIn(8)) return max == ~uint64_t{0} ? random.engine()() : random.Below(max + 1);
  return random.Below(std::min<uint64_t>(max, 12) + 1);
}

void AddIntervals(Random& random, Comparison& compare) {
  const uint64_t max = MaxValue(compare);
  for (size_t n = 1 + random.Below(5); n > 0; --n) {
    const uint64_t a = RandomNumber(random, max) & compare.mask;
    // Ranges of masked flags are written value by value, so they don't occur.
    const bool range =
        random.OneIn(3) && (Field(compare.field).type != FieldType::kFlags || compare.mask == ~uint64_t{0});
    const uint64_t b = range ? RandomNumber(random, max) & compare.mask : a;
    compare.intervals.push_back({std::min(a, b), std::max(a, b)});
  }
}

ExprPtr RandomCompare(Random& random, bool packet_only) {
  const FieldInfo* field = nullptr;
  do {
    field = &Fields()[random.Below(Fields().size())];
  } while (packet_only && (field->layer == Layer::kTls || field->layer == Layer::kHttp ||
                           field->id == FieldId::kSrcAsn || field->id == FieldId::kSrcCountry));
  auto expr = std::make_shared<Expr>();
  Comparison& compare = expr->compare;
  compare.field = field->id;
  switch (field->type) {
    case FieldType::kNumber:
      AddIntervals(random, compare);
      break;
    case FieldType::kBytes:
      compare.length = 1 + static_cast<uint32_t>(random.Below(kMaxByteLength));
      compare.offset = static_cast<uint32_t>(random.Below(8));
      [[fallthrough]];
    case FieldType::kFlags:
      if (random.OneIn(2)) compare.mask = MaxValue(compare) & (random.engine()() | 1);
      AddIntervals(random, compare);
      break;
    case FieldType::kAddress:
      for (size_t n = 1 + random.Below(4); n > 0; --n) {
        compare.prefixes.push_back(*net::IpPrefix::Parse(Pick(random, kPrefixes)));
      }
      break;
    case FieldType::kString:
      if (field->id == FieldId::kHttpHeader || field->id == FieldId::kHttpCookie) compare.key = Pick(random, kKeys);
      compare.glob = random.OneIn(2);
      for (size_t n = 1 + random.Below(3); n > 0; --n) {
        compare.strings.emplace_back(compare.glob ? Pick(random, kGlobs) : Pick(random, kTexts));
      }
      break;
    case FieldType::kCountry:
      for (size_t n = 1 + random.Below(2); n > 0; --n) compare.strings.emplace_back(Pick(random, kCountries));
      break;
  }
  return expr;
}

}  // namespace

ExprPtr RandomExpr(Random& random, const RandomExprOptions& options) {
  if (options.depth <= 1 || random.OneIn(3)) return RandomCompare(random, options.packet_only);
  RandomExprOptions inner = options;
  --inner.depth;
  auto expr = std::make_shared<Expr>();
  if (random.OneIn(3)) {
    expr->kind = Expr::Kind::kNot;
    expr->children.push_back(RandomExpr(random, inner));
    return expr;
  }
  expr->kind = random.OneIn(2) ? Expr::Kind::kAnd : Expr::Kind::kOr;
  for (size_t n = 2 + random.Below(options.max_children - 1); n > 0; --n) {
    // Operands that are there twice have to go.
    expr->children.push_back(!expr->children.empty() && random.OneIn(6) ? expr->children.front()
                                                                        : RandomExpr(random, inner));
  }
  return expr;
}

std::optional<uint64_t> FakePacket::Number(FieldId field) const {
  const auto it = numbers.find(field);
  return it == numbers.end() ? std::nullopt : std::optional(it->second);
}

std::optional<net::IpAddress> FakePacket::Address(FieldId field) const {
  const auto it = addresses.find(field);
  return it == addresses.end() ? std::nullopt : std::optional(it->second);
}

std::optional<uint64_t> FakePacket::Bytes(FieldId field, uint32_t offset, uint32_t length) const {
  const auto it = bytes.find(field);
  if (it == bytes.end() || it->second.size() < size_t{offset} + length) return std::nullopt;
  uint64_t value = 0;
  for (uint32_t i = 0; i < length; ++i) value = value << 8 | static_cast<uint8_t>(it->second[offset + i]);
  return value;
}

std::optional<std::string_view> FakePacket::String(FieldId field, std::string_view key) const {
  const auto it = strings.find({field, std::string(key)});
  return it == strings.end() ? std::nullopt : std::optional<std::string_view>(it->second);
}

FakePacket RandomPacket(Random& random) {
  FakePacket packet;
  for (const FieldInfo& field : Fields()) {
    if (random.OneIn(4)) continue;
    switch (field.type) {
      case FieldType::kNumber:
      case FieldType::kFlags:
        if (field.id != FieldId::kPort) packet.numbers[field.id] = RandomNumber(random, field.max);
        break;
      case FieldType::kAddress:
        packet.addresses[field.id] = *net::IpAddress::Parse(Pick(random, kAddresses));
        break;
      case FieldType::kBytes:
        for (size_t n = random.Below(20); n > 0; --n) {
          packet.bytes[field.id] += static_cast<char>(RandomNumber(random, 255));
        }
        break;
      case FieldType::kString: {
        const bool keyed = field.id == FieldId::kHttpHeader || field.id == FieldId::kHttpCookie;
        packet.strings[{field.id, keyed ? std::string(Pick(random, kKeys)) : ""}] = Pick(random, kTexts);
        break;
      }
      case FieldType::kCountry:
        packet.strings[{field.id, ""}] = Pick(random, kCountries);
        break;
    }
  }
  return packet;
}

std::string BrokenParseProperty(std::string_view text) {
  constexpr size_t kMaxMessage = 1024;
  const absl::StatusOr<ExprPtr> parsed = ParseExpr(text);
  if (!parsed.ok()) {
    const std::string message(parsed.status().message());
    const Refusal refusal = RefusalOf(parsed.status());
    if (refusal == Refusal::kOther) return "an error without a reason: " + message;
    if (message.size() > kMaxMessage) return "an error of " + std::to_string(message.size()) + " bytes";
    if (refusal != Refusal::kOverBound && !message.starts_with("column "))
      return "an error without a place: " + message;
    return "";
  }
  const std::string canonical = CanonicalText(**parsed);
  if (canonical.size() > kMaxExprText) return "a canonical text over the bound";
  const absl::StatusOr<ExprPtr> again = ParseExpr(canonical);
  if (!again.ok()) return "canonical text that doesn't parse: " + std::string(again.status().message());
  if (CanonicalText(**again) != canonical) return "no fixed point: " + canonical + "\nbecame " + CanonicalText(**again);
  if (const absl::Status s = CheckExpr(**parsed); !s.ok()) return "CheckExpr: " + std::string(s.message());
  return "";
}

}  // namespace breakwater::rule
