#include "edge/datapath/terms.h"

#include <endian.h>

#include <algorithm>
#include <cstring>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace breakwater::datapath {
namespace {

using rule::Comparison;
using rule::Expr;
using rule::FieldId;

using Conjunction = std::vector<CheckPtr>;
using Terms = std::vector<Conjunction>;

std::string NameOf(FieldId field) { return std::string(rule::Field(field).name); }

// Where the packet filter keeps a numeric field.
struct NumberPlace {
  uint8_t number;
  uint8_t protocol = 0;  // the field exists only in this protocol
};

std::optional<NumberPlace> PlaceOf(FieldId field) {
  switch (field) {
    case FieldId::kIpVersion:
      return NumberPlace{BW_NUMBER_VERSION};
    case FieldId::kIpProto:
      return NumberPlace{BW_NUMBER_PROTOCOL};
    case FieldId::kIpLen:
      return NumberPlace{BW_NUMBER_LENGTH};
    case FieldId::kIpTtl:
      return NumberPlace{BW_NUMBER_TTL};
    case FieldId::kIpDscp:
      return NumberPlace{BW_NUMBER_DSCP};
    case FieldId::kIpId:
      return NumberPlace{BW_NUMBER_ID};
    case FieldId::kIpFragment:
      return NumberPlace{BW_NUMBER_FRAGMENT};
    case FieldId::kSrcPort:
      return NumberPlace{BW_NUMBER_SRC_PORT};
    case FieldId::kDstPort:
      return NumberPlace{BW_NUMBER_DST_PORT};
    case FieldId::kTcpSrcPort:
      return NumberPlace{BW_NUMBER_SRC_PORT, 6};
    case FieldId::kTcpDstPort:
      return NumberPlace{BW_NUMBER_DST_PORT, 6};
    case FieldId::kTcpFlags:
      return NumberPlace{BW_NUMBER_TCP_FLAGS, 6};
    case FieldId::kTcpWindow:
      return NumberPlace{BW_NUMBER_TCP_WINDOW, 6};
    case FieldId::kTcpHdrLen:
      return NumberPlace{BW_NUMBER_TCP_HEADER, 6};
    case FieldId::kTcpSeq:
      return NumberPlace{BW_NUMBER_TCP_SEQ, 6};
    case FieldId::kTcpAck:
      return NumberPlace{BW_NUMBER_TCP_ACK, 6};
    case FieldId::kUdpSrcPort:
      return NumberPlace{BW_NUMBER_SRC_PORT, 17};
    case FieldId::kUdpDstPort:
      return NumberPlace{BW_NUMBER_DST_PORT, 17};
    case FieldId::kUdpLen:
      return NumberPlace{BW_NUMBER_UDP_LENGTH, 17};
    case FieldId::kIcmpType:
      return NumberPlace{BW_NUMBER_ICMP_TYPE, 1};
    case FieldId::kIcmpCode:
      return NumberPlace{BW_NUMBER_ICMP_CODE, 1};
    case FieldId::kIcmp6Type:
      return NumberPlace{BW_NUMBER_ICMP_TYPE, 58};
    case FieldId::kIcmp6Code:
      return NumberPlace{BW_NUMBER_ICMP_CODE, 58};
    case FieldId::kVlanId:
      return NumberPlace{BW_NUMBER_VLAN};
    default:
      return std::nullopt;
  }
}

std::optional<uint8_t> LayerOf(FieldId field) {
  switch (field) {
    case FieldId::kL3Bytes:
      return BW_LAYER_L3;
    case FieldId::kL4Bytes:
      return BW_LAYER_L4;
    case FieldId::kPayloadBytes:
      return BW_LAYER_PAYLOAD;
    default:
      return std::nullopt;
  }
}

CheckPtr AddressCheck(bool source, const std::vector<net::IpPrefix>& prefixes, bool negate) {
  auto check = std::make_shared<Check>();
  check->layout.kind = source ? BW_CHECK_SRC : BW_CHECK_DST;
  check->layout.negate = negate;
  for (const net::IpPrefix& prefix : prefixes) {
    const AddressHalves value = HalvesOf(prefix.address());
    const AddressHalves mask = MaskOf(prefix.mapped_length());
    check->members.push_back({{value.high, value.low}, {mask.high, mask.low}});
  }
  return check;
}

CheckPtr IntervalCheck(bw_check layout, const Comparison& compare, bool negate) {
  auto check = std::make_shared<Check>();
  check->layout = layout;
  check->layout.negate = negate;
  check->layout.mask = compare.mask;
  for (const rule::Interval& interval : compare.intervals)
    check->members.push_back({{interval.lo, 0}, {interval.hi, 0}});
  return check;
}

CheckPtr NumberCheck(NumberPlace place, const Comparison& compare, bool negate) {
  bw_check layout{};
  layout.kind = BW_CHECK_NUMBER;
  layout.number = place.number;
  layout.protocol = place.protocol;
  return IntervalCheck(layout, compare, negate);
}

absl::StatusOr<Terms> CompareTerms(const Comparison& compare, bool negate) {
  const FieldId field = compare.field;
  const size_t members = std::max(compare.intervals.size(), compare.prefixes.size());
  if (members > BW_MAX_CHECK_MEMBERS)
    return absl::ResourceExhaustedError(absl::StrCat(NameOf(field), " is compared with ", members,
                                                     " values; the datapath carries at most ", +BW_MAX_CHECK_MEMBERS,
                                                     " in one set: split the rule"));
  if (field == FieldId::kIpSrc || field == FieldId::kIpDst)
    return Terms{{AddressCheck(field == FieldId::kIpSrc, compare.prefixes, negate)}};
  if (field == FieldId::kPort) {
    CheckPtr source = NumberCheck({BW_NUMBER_SRC_PORT}, compare, negate);
    CheckPtr destination = NumberCheck({BW_NUMBER_DST_PORT}, compare, negate);
    // Either port; negated: neither.
    if (negate) return Terms{{source, destination}};
    return Terms{{source}, {destination}};
  }
  if (auto place = PlaceOf(field)) return Terms{{NumberCheck(*place, compare, negate)}};
  if (auto layer = LayerOf(field)) {
    if (compare.length < 1 || compare.length > rule::kMaxByteLength || compare.offset > rule::Field(field).max)
      return absl::InvalidArgumentError(absl::StrCat(NameOf(field), "[", compare.offset, ":", compare.length,
                                                     "] is outside of what the datapath reads: 1 to ",
                                                     rule::kMaxByteLength, " bytes at 0 to ", rule::Field(field).max));
    bw_check layout{};
    layout.kind = BW_CHECK_BYTES;
    layout.number = *layer;
    layout.offset = static_cast<uint16_t>(compare.offset);
    layout.length = static_cast<uint16_t>(compare.length);
    return Terms{{IntervalCheck(layout, compare, negate)}};
  }
  return absl::UnimplementedError(absl::StrCat("the datapath can't decide ", NameOf(field),
                                               "; it decides addresses, numbers, flags and bytes of layers 3 and 4"));
}

absl::Status TooManyTerms() {
  return absl::ResourceExhaustedError(
      absl::StrCat("the match needs more than ", +BW_MAX_TERMS,
                   " terms once \"and\" is multiplied out over \"or\": use sets (in {...}) or split the rule"));
}

bool Contains(const Conjunction& conjunction, const CheckPtr& check) {
  return std::find(conjunction.begin(), conjunction.end(), check) != conjunction.end();
}

absl::StatusOr<Terms> Multiply(const Terms& left, const Terms& right) {
  if (left.size() * right.size() > BW_MAX_TERMS) return TooManyTerms();
  Terms product;
  for (const Conjunction& l : left) {
    for (const Conjunction& r : right) {
      Conjunction both = l;
      for (const CheckPtr& check : r) {
        if (!Contains(both, check)) both.push_back(check);
      }
      // The scope and one destination may still move out of the checks, so two more are let through here.
      if (both.size() > BW_MAX_TERM_CHECKS + 2)
        return absl::ResourceExhaustedError(
            absl::StrCat("one term of the match has more than ", +BW_MAX_TERM_CHECKS, " checks: split the rule"));
      product.push_back(std::move(both));
    }
  }
  return product;
}

absl::StatusOr<Terms> ExprTerms(const Expr& expr, bool negate) {
  switch (expr.kind) {
    case Expr::Kind::kCompare:
      return CompareTerms(expr.compare, negate);
    case Expr::Kind::kNot:
      return ExprTerms(*expr.children.front(), !negate);
    case Expr::Kind::kAnd:
    case Expr::Kind::kOr: {
      const bool conjunction = (expr.kind == Expr::Kind::kAnd) != negate;  // De Morgan
      Terms result = conjunction ? Terms{{}} : Terms{};
      for (const rule::ExprPtr& child : expr.children) {
        absl::StatusOr<Terms> terms = ExprTerms(*child, negate);
        if (!terms.ok()) return terms.status();
        if (conjunction) {
          absl::StatusOr<Terms> product = Multiply(result, *terms);
          if (!product.ok()) return product.status();
          result = *std::move(product);
        } else {
          result.insert(result.end(), terms->begin(), terms->end());
          if (result.size() > BW_MAX_TERMS) return TooManyTerms();
        }
      }
      return result;
    }
  }
  return absl::InternalError("an expression of an unknown kind");
}

// Cheap checks first: numbers are one comparison, bytes need the packet again.
int CostOf(const Check& check) {
  const int members = static_cast<int>(check.members.size());
  switch (check.layout.kind) {
    case BW_CHECK_NUMBER:
      return 1 + members;
    case BW_CHECK_BYTES:
      return 8 + members;
    default:
      return 2 + 2 * members;
  }
}

// The family of a prefix is only decided by its bits when it can't hold IPv4-mapped addresses, or only those.
bool DecidedByBits(const bw_member& prefix) {
  const uint64_t mapped[2] = {0, 0xffff00000000};
  const bool is_mapped = prefix.low[0] == 0 && prefix.low[1] >> 32 == 0xffff && prefix.high[1] >> 32 == 0xffffffff;
  const bool holds_mapped =
      (mapped[0] & prefix.high[0]) == prefix.low[0] && (mapped[1] & prefix.high[1]) == prefix.low[1];
  return is_mapped || !holds_mapped;
}

bool IsPositive(const Check& check, uint8_t kind, size_t members) {
  return !check.layout.negate && check.layout.kind == kind && check.members.size() == members;
}

bool TakeDestination(const Check& check, bw_term& term) {
  if (!IsPositive(check, BW_CHECK_DST, 1) || !DecidedByBits(check.members[0])) return false;
  std::copy_n(check.members[0].low, 2, term.dst);
  std::copy_n(check.members[0].high, 2, term.dst_mask);
  return true;
}

bool TakeProtocol(const Check& check, bw_term& term) {
  if (!IsPositive(check, BW_CHECK_NUMBER, 1) || check.layout.number != BW_NUMBER_PROTOCOL) return false;
  const bw_member& member = check.members[0];
  if (member.low[0] != member.high[0] || member.low[0] > 255 || (check.layout.mask & 0xff) != 0xff) return false;
  term.protocol = static_cast<uint8_t>(member.low[0]);
  term.protocol_mask = 0xff;
  return true;
}

// A field that exists in one protocol only says which.
bool ReadProtocol(const Check& check, bw_term& term) {
  if (check.layout.kind != BW_CHECK_NUMBER || check.layout.negate || check.layout.protocol == 0) return false;
  term.protocol = check.layout.protocol;
  term.protocol_mask = 0xff;
  return true;
}

// Which share of all values of its field a check accepts, roughly: the smaller, the more packets it sorts out.
double ShareOf(const Check& check) {
  const bool wide = check.layout.number == BW_NUMBER_TCP_SEQ || check.layout.number == BW_NUMBER_TCP_ACK;
  const bool narrow = check.layout.number == BW_NUMBER_TTL || check.layout.number == BW_NUMBER_DSCP ||
                      check.layout.number == BW_NUMBER_TCP_FLAGS || check.layout.number == BW_NUMBER_ICMP_TYPE ||
                      check.layout.number == BW_NUMBER_ICMP_CODE || check.layout.number == BW_NUMBER_FRAGMENT ||
                      check.layout.number == BW_NUMBER_TCP_HEADER || check.layout.number == BW_NUMBER_VERSION;
  const bw_member& member = check.members[0];
  return (static_cast<double>(member.high[0] - member.low[0]) + 1) / (wide ? 4294967296.0 : narrow ? 256.0 : 65536.0);
}

// The term's protocol stands for the check's.
bool TakesNumber(const Check& check, const bw_term& term) {
  return IsPositive(check, BW_CHECK_NUMBER, 1) && check.members[0].low[0] <= UINT32_MAX &&
         (check.layout.protocol == 0 || (term.protocol_mask != 0 && term.protocol == check.layout.protocol));
}

void TakeNumber(const Check& check, bw_term& term) {
  const bw_member& member = check.members[0];
  term.number = check.layout.number;
  term.number_mask = static_cast<uint32_t>(check.layout.mask);
  term.number_low = static_cast<uint32_t>(member.low[0]);
  term.number_span = static_cast<uint32_t>(std::min<uint64_t>(member.high[0], UINT32_MAX) - member.low[0]);
}

// Takes the first check out that take() moves into the term itself.
void TakeFirst(Term& term, bool (*take)(const Check&, bw_term&)) {
  const auto taken = std::find_if(term.checks.begin(), term.checks.end(),
                                  [&](const CheckPtr& check) { return take(*check, term.layout); });
  if (taken != term.checks.end()) term.checks.erase(taken);
}

// Moves one destination prefix, the protocol and one number into the part of the term that is looked at first.
void ExtractFirstLook(Term& term) {
  TakeFirst(term, TakeDestination);
  TakeFirst(term, TakeProtocol);
  for (size_t i = 0; term.layout.protocol_mask == 0 && i < term.checks.size(); i++)
    ReadProtocol(*term.checks[i], term.layout);
  term.layout.number = BW_NUMBER_VERSION;
  auto best = term.checks.end();
  for (auto check = term.checks.begin(); check != term.checks.end(); ++check) {
    if (!TakesNumber(**check, term.layout)) continue;
    if (best == term.checks.end() || ShareOf(**check) < ShareOf(**best)) best = check;
  }
  if (best == term.checks.end()) return;
  TakeNumber(**best, term.layout);
  term.checks.erase(best);
}

}  // namespace

AddressHalves HalvesOf(const net::IpAddress& address) {
  uint64_t halves[2];
  std::memcpy(halves, address.bytes().data(), sizeof halves);
  return {be64toh(halves[0]), be64toh(halves[1])};
}

net::IpAddress AddressOf(const uint64_t (&halves)[2]) {
  const uint64_t network_order[2] = {htobe64(halves[0]), htobe64(halves[1])};
  std::array<uint8_t, 16> bytes;
  std::memcpy(bytes.data(), network_order, sizeof network_order);
  return net::IpAddress::FromBytes(bytes);
}

AddressHalves MaskOf(int length) {
  AddressHalves mask;
  mask.high = length >= 64 ? ~uint64_t{0} : length == 0 ? 0 : ~uint64_t{0} << (64 - length);
  mask.low = length <= 64 ? 0 : ~uint64_t{0} << (128 - length);
  return mask;
}

absl::StatusOr<std::vector<Term>> TermsOf(const rule::Rule& rule) {
  if (rule.match == nullptr) return absl::InvalidArgumentError("the rule has no match");
  absl::StatusOr<Terms> conjunctions = ExprTerms(*rule.match, /*negate=*/false);
  if (!conjunctions.ok()) return conjunctions.status();
  if (!rule.scope.prefixes.empty()) {
    if (rule.scope.prefixes.size() > BW_MAX_CHECK_MEMBERS)
      return absl::ResourceExhaustedError(absl::StrCat("scope names ", rule.scope.prefixes.size(),
                                                       " prefixes; the datapath carries at most ",
                                                       +BW_MAX_CHECK_MEMBERS, " for one rule"));
    conjunctions = Multiply(*conjunctions, Terms{{AddressCheck(false, rule.scope.prefixes, false)}});
    if (!conjunctions.ok()) return conjunctions.status();
  }
  std::vector<Term> terms;
  for (Conjunction& conjunction : *conjunctions) {
    Term term;
    term.checks = std::move(conjunction);
    ExtractFirstLook(term);
    if (term.checks.size() > BW_MAX_TERM_CHECKS)
      return absl::ResourceExhaustedError(absl::StrCat("one term of the match has ", term.checks.size(),
                                                       " checks; the datapath carries at most ", +BW_MAX_TERM_CHECKS,
                                                       ": split the rule"));
    std::stable_sort(term.checks.begin(), term.checks.end(),
                     [](const CheckPtr& a, const CheckPtr& b) { return CostOf(*a) < CostOf(*b); });
    term.layout.checks = static_cast<uint32_t>(term.checks.size());
    terms.push_back(std::move(term));
  }
  return terms;
}

}  // namespace breakwater::datapath
