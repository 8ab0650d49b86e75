#include "coordinator/cli/text.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <iterator>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/time.h"

namespace breakwater::cli {
namespace {

constexpr double kLongestSeconds = 1e10;  // some 300 years; more is no duration anybody means

struct CodePoint {
  uint32_t value = 0;
  size_t bytes = 0;  // 0: the bytes there are no UTF-8
};

CodePoint Decode(std::string_view text) {
  const auto byte = [&](size_t i) { return static_cast<uint8_t>(text[i]); };
  const uint8_t first = byte(0);
  if (first < 0x80) return {first, 1};
  const size_t bytes = first >= 0xf0 && first <= 0xf4   ? 4
                       : first >= 0xe0 && first <= 0xef ? 3
                       : first >= 0xc2 && first <= 0xdf ? 2
                                                        : 0;
  if (bytes == 0 || bytes > text.size()) return {};
  uint32_t value = first & (0x7f >> bytes);
  for (size_t i = 1; i < bytes; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return {};
    value = value << 6 | (byte(i) & 0x3f);
  }
  constexpr uint32_t kLeast[] = {0, 0, 0x80, 0x800, 0x10000};
  if (value < kLeast[bytes] || value > 0x10ffff || (value >= 0xd800 && value <= 0xdfff)) return {};
  return {value, bytes};
}

bool Harmless(uint32_t c) {
  if (c < 0x20 || (c >= 0x7f && c < 0xa0)) return false;                           // C0, DEL, C1
  if ((c >= 0x200b && c <= 0x200f) || (c >= 0x2028 && c <= 0x202e)) return false;  // invisible, lines, direction
  if ((c >= 0x2060 && c <= 0x206f) || c == 0xfeff || c == 0x61c) return false;     // invisible, direction
  return !(c >= 0xfff9 && c <= 0xfffb) && !(c >= 0xe0000 && c <= 0xe0fff);         // annotations, tags
}

}  // namespace

std::string Si(double n) {
  if (!std::isfinite(n)) return "?";
  constexpr std::string_view kUnits[] = {"", "k", "M", "G", "T", "P", "E"};
  size_t unit = 0;
  while (std::abs(n) >= 999.5 && unit + 1 < std::size(kUnits)) {
    n /= 1000;
    ++unit;
  }
  if (std::abs(n) >= 999.5) return n > 0 ? ">999E" : "<-999E";
  if (unit == 0) return absl::StrFormat("%.0f", n == 0 || std::abs(n) < 0.5 ? 0.0 : n);
  const int decimals = std::abs(n) < 9.995 ? 2 : std::abs(n) < 99.95 ? 1 : 0;
  return absl::StrFormat("%.*f%s", decimals, n, std::string(kUnits[unit]));
}

std::string Count(double n) {
  constexpr double kMostDigits = 9999999;
  if (!(std::abs(n) <= kMostDigits)) return Si(n);
  return absl::StrCat(static_cast<int64_t>(std::llround(n)));
}

std::string Share(double part, double whole) {
  if (!std::isfinite(part) || !std::isfinite(whole)) return "?";
  if (whole <= 0) return "-";
  const double percent = std::clamp(part / whole, 0.0, 1.0) * 100;
  // 100.0% only when nothing is missing, and 0.0% only when there is nothing.
  if (percent > 99.9 && part < whole) return "99.9%";
  if (percent > 0 && percent < 0.1) return "<0.1%";
  return absl::StrFormat("%.1f%%", percent);
}

std::string Duration(double seconds) {
  if (!std::isfinite(seconds) || std::abs(seconds) > kLongestSeconds) return "?";
  if (seconds < 0) return absl::StrCat("-", Duration(-seconds));
  if (seconds < 9.95 && seconds != std::floor(seconds)) return absl::StrFormat("%.1fs", seconds);
  const auto s = static_cast<int64_t>(seconds);
  if (s < 60) return absl::StrFormat("%ds", s);
  if (s < 3600) return absl::StrFormat("%dm%02ds", s / 60, s % 60);
  if (s < 86400) return absl::StrFormat("%dh%02dm", s / 3600, s % 3600 / 60);
  return absl::StrFormat("%dd%02dh", s / 86400, s % 86400 / 3600);
}

std::string Offset(double from_unix_s, double to_unix_s) {
  if (from_unix_s == 0 || to_unix_s == 0) return "-";
  const double seconds = to_unix_s - from_unix_s;
  if (!std::isfinite(seconds) || std::abs(seconds) > kLongestSeconds) return "?";
  const char* sign = seconds < 0 ? "-" : "+";
  if (std::abs(seconds) < 60) return absl::StrFormat("%s%.2fs", sign, std::abs(seconds));
  return absl::StrCat(sign, Duration(std::abs(seconds)));
}

std::string Age(double unix_s, double now_unix_s) {
  if (unix_s == 0) return "-";
  return Duration(std::max(0.0, std::floor(now_unix_s - unix_s)));
}

std::string UtcTime(double unix_s) {
  constexpr double kYear9999 = 253370764800;
  if (unix_s == 0) return "-";
  if (!(unix_s > 0 && unix_s < kYear9999)) return "?";
  return absl::FormatTime("%Y-%m-%d %H:%M:%S", absl::FromUnixSeconds(static_cast<int64_t>(unix_s)),
                          absl::UTCTimeZone());
}

std::string Expiry(double expires_unix_s, double now_unix_s) {
  if (expires_unix_s == 0) return "never";
  const double left = expires_unix_s - now_unix_s;
  if (left <= 0) return absl::StrCat("EXPIRED ", Age(expires_unix_s, now_unix_s), " ago");
  return Duration(std::ceil(left));
}

std::string Printable(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const CodePoint c = Decode(text);
    if (c.bytes > 0 && Harmless(c.value)) {
      out.append(text.substr(0, c.bytes));
    } else {
      out += '?';
    }
    text.remove_prefix(std::max<size_t>(c.bytes, 1));
  }
  return out;
}

size_t Width(std::string_view printable) {
  return static_cast<size_t>(std::count_if(printable.begin(), printable.end(),
                                           [](char c) { return (static_cast<uint8_t>(c) & 0xc0) != 0x80; }));
}

std::string CutTo(std::string_view printable, size_t width) {
  if (Width(printable) <= width) return std::string(printable);
  if (width == 0) return "";
  std::string out;
  for (size_t taken = 0; taken + 1 < width && !printable.empty(); ++taken) {
    const size_t bytes = std::max<size_t>(Decode(printable).bytes, 1);
    out.append(printable.substr(0, bytes));
    printable.remove_prefix(bytes);
  }
  return out + "…";
}

}  // namespace breakwater::cli
