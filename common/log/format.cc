// How a line looks. Everything here is pure.
#include <array>
#include <cmath>
#include <cstdio>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "common/log/log.h"

namespace breakwater::log {
namespace {

struct CodePoint {
  uint32_t value = 0;
  size_t length = 0;  // bytes; 0 = not UTF-8
};

// RFC 3629: no overlong forms, no surrogates, nothing over U+10FFFF.
CodePoint DecodeUtf8(std::string_view s) {
  const auto byte = [&](size_t i) { return static_cast<uint8_t>(s[i]); };
  const uint8_t first = byte(0);
  if (first < 0x80) return {first, 1};
  size_t length = 0;
  uint32_t value = 0;
  uint32_t least = 0;
  if ((first & 0xe0) == 0xc0) {
    length = 2, value = first & 0x1f, least = 0x80;
  } else if ((first & 0xf0) == 0xe0) {
    length = 3, value = first & 0x0f, least = 0x800;
  } else if ((first & 0xf8) == 0xf0) {
    length = 4, value = first & 0x07, least = 0x10000;
  } else {
    return {};
  }
  if (s.size() < length) return {};
  for (size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return {};
    value = value << 6 | (byte(i) & 0x3f);
  }
  if (value < least || value > 0x10ffff || (value >= 0xd800 && value <= 0xdfff)) return {};
  return {value, length};
}

// C0 and C1 controls, and the characters that end or reorder a line on a screen.
bool MustEscape(uint32_t c) {
  return c < 0x20 || (c >= 0x7f && c <= 0x9f) || (c >= 0x2028 && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069) ||
         c == 0x200e || c == 0x200f || c == 0xfeff;
}

bool IsPlain(std::string_view text) {
  if (text.empty()) return false;
  for (const char c : text) {
    const auto u = static_cast<uint8_t>(c);
    if (u <= 0x20 || u >= 0x7f || c == '"' || c == '=' || c == '\\') return false;
  }
  return true;
}

std::string NumberText(double v) {
  // JSON has no word for these.
  if (!std::isfinite(v)) return Quote(std::isnan(v) ? "nan" : v > 0 ? "inf" : "-inf");
  return absl::StrFormat("%.10g", v);
}

std::string ValueText(Format format, const Field::Value& value) {
  struct Visitor {
    Format format;
    std::string operator()(const std::string& v) const {
      return format == Format::kLogfmt && IsPlain(v) ? v : Quote(v);
    }
    std::string operator()(int64_t v) const { return absl::StrCat(v); }
    std::string operator()(uint64_t v) const { return absl::StrCat(v); }
    std::string operator()(double v) const { return NumberText(v); }
    std::string operator()(bool v) const { return v ? "true" : "false"; }
  };
  return std::visit(Visitor{format}, value);
}

}  // namespace

std::string Quote(std::string_view text) {
  std::string out = "\"";
  while (!text.empty()) {
    const CodePoint c = DecodeUtf8(text);
    if (c.length == 0) {
      out += "\xef\xbf\xbd";  // U+FFFD
      text.remove_prefix(1);
      continue;
    }
    if (c.value == '"' || c.value == '\\') {
      out += '\\';
      out += static_cast<char>(c.value);
    } else if (c.value == '\n') {
      out += "\\n";
    } else if (c.value == '\t') {
      out += "\\t";
    } else if (MustEscape(c.value)) {
      out += absl::StrFormat("\\u%04x", c.value);
    } else {
      out.append(text.substr(0, c.length));
    }
    text.remove_prefix(c.length);
  }
  out += '"';
  return out;
}

std::string FormatLine(Format format, absl::Time time, Level level, std::string_view component, std::string_view event,
                       std::string_view msg, const std::vector<Field>& fields) {
  std::vector<Field> all = {
      {"ts", absl::FormatTime("%Y-%m-%dT%H:%M:%E3SZ", time, absl::UTCTimeZone())},
      {"level", LevelName(level)},
      {"component", component},
      {"event", event},
      {"msg", msg},
  };
  all.insert(all.end(), fields.begin(), fields.end());
  const bool json = format != Format::kLogfmt;
  std::string out = json ? "{" : "";
  for (size_t i = 0; i < all.size(); ++i) {
    if (i > 0) out += json ? ',' : ' ';
    const std::string& key = all[i].key;
    out += json || !IsPlain(key) ? Quote(key) : key;
    out += json ? ':' : '=';
    out += ValueText(json ? Format::kJson : Format::kLogfmt, all[i].value);
  }
  if (json) out += '}';
  return out;
}

}  // namespace breakwater::log
