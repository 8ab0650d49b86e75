#include "coordinator/cli/table.h"

#include <algorithm>
#include <cassert>

#include "absl/strings/str_cat.h"
#include "coordinator/cli/text.h"

namespace breakwater::cli {
namespace {

constexpr size_t kGap = 2;
constexpr size_t kLeastWidth = 12;  // of a column that gives

std::string_view Code(Colour colour) {
  switch (colour) {
    case Colour::kNone:
      return "";
    case Colour::kGreen:
      return "\x1b[32m";
    case Colour::kYellow:
      return "\x1b[33m";
    case Colour::kRed:
      return "\x1b[31m";
    case Colour::kDim:
      return "\x1b[2m";
    case Colour::kBold:
      return "\x1b[1m";
  }
  return "";
}

// Cells of a line with the last column's padding left out.
class Line {
 public:
  Line(const Style& style, size_t width) : style_(style), left_(width), cut_(width > 0) {}

  void Add(const std::string& text, Colour colour, size_t width, bool right, bool last) {
    const size_t padding = width - std::min(width, Width(text));
    if (right) Put(std::string(padding, ' '), Colour::kNone);
    Put(text, colour);
    if (!last) Put(std::string((right ? 0 : padding) + kGap, ' '), Colour::kNone);
  }

  std::string Take() {
    line_.erase(line_.find_last_not_of(' ') + 1);
    return std::move(line_) + "\n";
  }

 private:
  void Put(std::string text, Colour colour) {
    if (cut_) {
      text = CutTo(text, left_);
      left_ -= std::min(left_, Width(text));
    }
    if (!text.empty()) absl::StrAppend(&line_, Coloured(text, colour, style_));
  }

  const Style& style_;
  std::string line_;
  size_t left_;
  bool cut_;
};

}  // namespace

std::string Coloured(std::string_view text, Colour colour, const Style& style) {
  if (!style.colour || colour == Colour::kNone) return std::string(text);
  return absl::StrCat(std::string(Code(colour)), std::string(text), "\x1b[0m");
}

Table::Table(std::vector<Column> columns) : columns_(std::move(columns)) {}

void Table::Add(std::vector<Cell> cells) {
  assert(cells.size() == columns_.size());
  for (Cell& cell : cells) cell.text = Printable(cell.text);
  rows_.push_back(std::move(cells));
}

std::string Table::Text(const Style& style) const {
  std::vector<size_t> shown;
  std::vector<size_t> widths(columns_.size(), 0);
  size_t total = 0;
  for (size_t i = 0; i < columns_.size(); ++i) {
    if (columns_[i].only_wide && !style.wide) continue;
    shown.push_back(i);
    widths[i] = Width(columns_[i].heading);
    for (const std::vector<Cell>& row : rows_) widths[i] = std::max(widths[i], Width(row[i].text));
    total += widths[i] + kGap;
  }
  total -= std::min(total, kGap);
  // Wide shows everything, however long its lines get.
  const size_t limit = style.wide ? 0 : style.width;
  for (auto it = shown.rbegin(); limit > 0 && total > limit && it != shown.rend(); ++it) {
    if (columns_[*it].kind != Column::kGives || widths[*it] <= kLeastWidth) continue;
    const size_t gives = std::min(total - limit, widths[*it] - kLeastWidth);
    widths[*it] -= gives;
    total -= gives;
  }
  std::string out;
  Line heading(style, limit);
  for (size_t i : shown) {
    heading.Add(columns_[i].heading, Colour::kBold, widths[i], columns_[i].kind == Column::kRight, i == shown.back());
  }
  out += heading.Take();
  for (const std::vector<Cell>& row : rows_) {
    Line line(style, limit);
    for (size_t i : shown) {
      line.Add(CutTo(row[i].text, widths[i]), row[i].colour, widths[i], columns_[i].kind == Column::kRight,
               i == shown.back());
    }
    out += line.Take();
  }
  return out;
}

void Facts::Add(std::string key, Cell value) {
  value.text = Printable(value.text);
  lines_.emplace_back(std::move(key), std::move(value));
}

std::string Facts::Text(const Style& style) const {
  size_t widest = 0;
  for (const auto& [key, unused] : lines_) widest = std::max(widest, Width(key));
  std::string out;
  for (const auto& [key, value] : lines_) {
    Line line(style, 0);  // never cut: whoever asks for one thing wants to read all of it
    line.Add(key, Colour::kDim, widest, false, false);
    line.Add(value.text, value.colour, 0, false, true);
    out += line.Take();
  }
  return out;
}

}  // namespace breakwater::cli
