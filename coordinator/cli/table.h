// A table for a terminal: columns as wide as their widest cell, numbers to the right, what doesn't fit cut with "…".
//
//   Table table({{"EDGE"}, {"PPS", Column::kRight}, {"MATCH", Column::kGives}});
//   table.Add({edge.id(), Si(edge.total().pps()), {rule.match(), Colour::kGreen}});
//   out << table.Text(style);
//
// Cells are made printable here, so that no caller forgets. Not thread-safe.
#ifndef BREAKWATER_COORDINATOR_CLI_TABLE_H_
#define BREAKWATER_COORDINATOR_CLI_TABLE_H_

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace breakwater::cli {

enum class Colour { kNone, kGreen, kYellow, kRed, kDim, kBold };

// How text is to look where it goes.
struct Style {
  bool colour = false;
  size_t width = 0;   // of the terminal; 0 = never cut
  bool wide = false;  // the columns that only "-o wide" shows
};

// The text between the codes that colour it, when the style says so.
std::string Coloured(std::string_view text, Colour colour, const Style& style);

struct Cell {
  // Implicit: rows are lists of texts.
  Cell(std::string value, Colour c = Colour::kNone)  // NOLINT(google-explicit-constructor)
      : text(std::move(value)), colour(c) {}
  Cell(const char* value) : text(value) {}  // NOLINT(google-explicit-constructor)
  std::string text;
  Colour colour = Colour::kNone;
};

struct Column {
  enum Kind { kLeft, kRight, kGives };  // kGives: to the left, and the first to be cut
  std::string heading;
  Kind kind = kLeft;
  bool only_wide = false;
};

class Table {
 public:
  explicit Table(std::vector<Column> columns);
  // One cell for each column, also for those that only show wide.
  void Add(std::vector<Cell> cells);
  bool empty() const { return rows_.empty(); }
  // With headings. Lines end in "\n" and never in spaces.
  std::string Text(const Style& style) const;

 private:
  std::vector<Column> columns_;
  std::vector<std::vector<Cell>> rows_;
};

// "key   value" lines; keys are ours, values made printable. An empty key goes on with the value above.
class Facts {
 public:
  void Add(std::string key, Cell value);
  std::string Text(const Style& style) const;

 private:
  std::vector<std::pair<std::string, Cell>> lines_;
};

}  // namespace breakwater::cli

#endif  // BREAKWATER_COORDINATOR_CLI_TABLE_H_
