// Numbers, times and strings as a person reads them in a terminal.
//
//   Si(12345)            "12.3k"
//   Duration(185)        "3m05s"
//   Printable(reason)    without anything that a terminal would obey
//
// What comes from the network may be any double and any string: none of it is undefined, and none of it can move a cursor,
// set a title or turn text around. Pure and thread-safe.
#ifndef BREAKWATER_COORDINATOR_CLI_TEXT_H_
#define BREAKWATER_COORDINATOR_CLI_TEXT_H_

#include <cstddef>
#include <string>
#include <string_view>

namespace breakwater::cli {

// Three digits and a unit of 1000s: "0", "950", "12.3k", "4.57M"; "?" for what is no number.
std::string Si(double n);
// What is counted one by one: all its digits up to seven, then as Si.
std::string Count(double n);
// "99.9%"; "-" when the whole is 0.
std::string Share(double part, double whole);
// "0.4s" below ten seconds, then "45s", "3m05s", "2h10m", "3d04h"; "?" for what is no number. Negative ones have their sign.
std::string Duration(double seconds);
// Time from one moment to another: "+0.21s", "-1.50s", "+3m05s"; "-" when either is 0 (not yet).
std::string Offset(double from_unix_s, double to_unix_s);
// How long ago: "3m05s"; "-" for 0 (never). A moment ahead counts as now: two computers' clocks differ a little.
std::string Age(double unix_s, double now_unix_s);
// "2026-01-02 03:04:05" in UTC; "-" for 0 (never), "?" for what is no time.
std::string UtcTime(double unix_s);
// What is left: "54m10s", "never" for 0, "EXPIRED 3m05s ago".
std::string Expiry(double expires_unix_s, double now_unix_s);

// UTF-8 of printable characters only: control characters, what changes the direction of text and broken bytes become "?".
std::string Printable(std::string_view text);
// Columns it takes, one a character.
size_t Width(std::string_view printable);
// At most that wide, the last column "…" when something was cut.
std::string CutTo(std::string_view printable, size_t width);

}  // namespace breakwater::cli

#endif  // BREAKWATER_COORDINATOR_CLI_TEXT_H_
