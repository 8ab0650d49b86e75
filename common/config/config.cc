#include "common/config/config.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "common/config/node.h"

namespace breakwater::config {
namespace {

std::string Quoted(std::string_view text) {
  constexpr size_t kShown = 60;
  if (text.size() > kShown) return absl::StrCat("\"", std::string(text.substr(0, kShown)), "…\"");
  return absl::StrCat("\"", std::string(text), "\"");
}

// Insertions, deletions, replacements and swaps of neighbours that turn a into b.
size_t EditDistance(std::string_view a, std::string_view b) {
  std::vector<std::vector<size_t>> d(a.size() + 1, std::vector<size_t>(b.size() + 1));
  for (size_t i = 0; i <= a.size(); ++i) d[i][0] = i;
  for (size_t j = 0; j <= b.size(); ++j) d[0][j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    for (size_t j = 1; j <= b.size(); ++j) {
      d[i][j] = std::min({d[i - 1][j] + 1, d[i][j - 1] + 1, d[i - 1][j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1)});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        d[i][j] = std::min(d[i][j], d[i - 2][j - 2] + 1);
    }
  }
  return d[a.size()][b.size()];
}

std::string Join(const std::vector<std::string_view>& words) {
  std::string out;
  for (const std::string_view word : words) absl::StrAppend(&out, out.empty() ? "" : ", ", std::string(word));
  return out;
}

}  // namespace

std::string DidYouMean(std::string_view word, const std::vector<std::string_view>& known) {
  constexpr size_t kLongestWord = 64;
  if (word.size() > kLongestWord) return "";
  std::string best;
  size_t best_distance = word.size() <= 3 ? 1 : 2;
  for (const std::string_view candidate : known) {
    const size_t distance = EditDistance(word, candidate);
    if (distance > best_distance || (distance == best_distance && !best.empty())) continue;
    best = candidate;
    best_distance = distance;
  }
  return best;
}

bool Value::present() const { return node_ != nullptr && node_->kind != Node::Kind::kNull; }

int Value::line() const { return node_ != nullptr ? node_->position.line : parent_->position.line; }

bool Value::IsMap() const { return present() && node_->kind == Node::Kind::kMap; }

void Value::Report(std::string_view problem) const {
  source_->problems.push_back({(node_ != nullptr ? node_ : parent_)->position, std::string(problem)});
}

void Value::ReportExpected(std::string_view expected) const {
  std::string got;
  switch (node_->kind) {
    case Node::Kind::kNull:
      got = "nothing";
      break;
    case Node::Kind::kScalar:
      got = Quoted(node_->scalar);
      break;
    case Node::Kind::kList:
      got = "a list";
      break;
    case Node::Kind::kMap:
      got = "a map of keys";
      break;
  }
  Report(absl::StrCat("expected ", std::string(expected), ", got ", got));
}

// A key that stands there without a value is a mistake for everything but lists and maps.
const std::string* Value::Scalar(std::string_view expected) const {
  if (node_ == nullptr) return nullptr;
  if (node_->kind != Node::Kind::kScalar) {
    ReportExpected(expected);
    return nullptr;
  }
  return &node_->scalar;
}

std::string Value::AsString(std::string_view fallback) const {
  const std::string* text = Scalar("text");
  return text != nullptr ? *text : std::string(fallback);
}

int64_t Value::AsInteger(int64_t fallback, int64_t min, int64_t max) const {
  const std::string expected = absl::StrCat("a whole number from ", min, " to ", max);
  const std::string* text = Scalar(expected);
  if (text == nullptr) return fallback;
  int64_t value = 0;
  if (!absl::SimpleAtoi(*text, &value) || value < min || value > max) {
    ReportExpected(expected);
    return fallback;
  }
  return value;
}

double Value::AsNumber(double fallback, double min, double max) const {
  const std::string expected = absl::StrCat("a number from ", min, " to ", max);
  const std::string* text = Scalar(expected);
  if (text == nullptr) return fallback;
  double value = 0;
  // Written so that a NaN is refused as well.
  if (!absl::SimpleAtod(*text, &value) || !(value >= min && value <= max)) {
    ReportExpected(expected);
    return fallback;
  }
  return value;
}

bool Value::AsBool(bool fallback) const { return AsChoice<bool>(fallback, {{"true", true}, {"false", false}}); }

absl::Duration Value::AsDuration(absl::Duration fallback, absl::Duration min, absl::Duration max) const {
  const std::string* text = Scalar("a duration like 100ms, 10s or 1h30m");
  if (text == nullptr) return fallback;
  const absl::StatusOr<absl::Duration> d = ParseDuration(*text);
  if (!d.ok()) {
    Report(std::string(d.status().message()));
    return fallback;
  }
  if (*d < min || *d > max) {
    ReportExpected(absl::StrCat("a duration from ", absl::FormatDuration(min), " to ", absl::FormatDuration(max)));
    return fallback;
  }
  return *d;
}

uint64_t Value::AsSize(uint64_t fallback, uint64_t min, uint64_t max) const {
  const std::string* text = Scalar("a size like 4096, 64KiB or 10MB");
  if (text == nullptr) return fallback;
  const absl::StatusOr<uint64_t> size = ParseSize(*text);
  if (!size.ok()) {
    Report(std::string(size.status().message()));
    return fallback;
  }
  if (*size < min || *size > max) {
    ReportExpected(absl::StrCat("a size from ", min, " to ", max, " bytes"));
    return fallback;
  }
  return *size;
}

std::optional<Rate> Value::AsRate() const {
  const std::string* text = Scalar("a rate like 500pps, 20kpps or 10Mbps");
  if (text == nullptr) return std::nullopt;
  const absl::StatusOr<Rate> rate = ParseRate(*text);
  if (rate.ok()) return *rate;
  Report(std::string(rate.status().message()));
  return std::nullopt;
}

std::optional<net::IpPrefix> Value::AsPrefix() const {
  const std::string* text = Scalar("an address or a prefix like 203.0.113.0/24");
  if (text == nullptr) return std::nullopt;
  const absl::StatusOr<net::IpPrefix> prefix = net::IpPrefix::Parse(*text);
  if (prefix.ok()) return *prefix;
  Report(std::string(prefix.status().message()));
  return std::nullopt;
}

std::optional<size_t> Value::ChoiceIndex(const std::vector<std::string_view>& names) const {
  const std::string expected = absl::StrCat("one of ", Join(names));
  const std::string* text = Scalar(expected);
  if (text == nullptr) return std::nullopt;
  const auto found = std::find(names.begin(), names.end(), *text);
  if (found != names.end()) return static_cast<size_t>(found - names.begin());
  const std::string meant = DidYouMean(*text, names);
  Report(absl::StrCat("expected ", expected, ", got ", Quoted(*text),
                      meant.empty() ? "" : absl::StrCat("; did you mean \"", meant, "\"?")));
  return std::nullopt;
}

std::vector<Value> Value::AsList() const {
  if (!present()) return {};
  if (node_->kind != Node::Kind::kList) {
    ReportExpected("a list");
    return {};
  }
  std::vector<Value> values;
  for (const Node& item : node_->items) values.push_back(Value(&item, node_, source_));
  return values;
}

Map Value::AsMap() const {
  if (!present()) return Map(nullptr, node_ != nullptr ? node_ : parent_, source_);
  if (node_->kind != Node::Kind::kMap) {
    ReportExpected("a map of keys");
    return Map(nullptr, node_, source_);
  }
  return Map(node_, parent_, source_);
}

Value Map::Get(std::string_view key) {
  known_->emplace(key);
  if (node_ != nullptr) {
    for (const auto& [name, position, value] : node_->entries) {
      if (name == key) return Value(&value, node_, source_);
    }
  }
  return Value(nullptr, node_ != nullptr ? node_ : parent_, source_);
}

Value Map::Need(std::string_view key) {
  Value value = Get(key);
  if (value.node_ == nullptr) {
    value.Report(absl::StrCat("the key \"", std::string(key), "\" is missing"));
  } else if (!value.present()) {
    value.Report(absl::StrCat("the key \"", std::string(key), "\" has no value"));
    value.node_ = nullptr;  // reported once
  }
  return value;
}

std::vector<std::pair<std::string, Value>> Map::Entries() {
  std::vector<std::pair<std::string, Value>> entries;
  if (node_ == nullptr) return entries;
  for (const auto& [name, position, value] : node_->entries) {
    known_->insert(name);
    entries.emplace_back(name, Value(&value, node_, source_));
  }
  return entries;
}

void Map::Finish() const {
  if (node_ == nullptr) return;
  const std::vector<std::string_view> known(known_->begin(), known_->end());
  for (const auto& [name, position, value] : node_->entries) {
    if (known_->contains(name)) continue;
    const std::string meant = DidYouMean(name, known);
    source_->problems.push_back(
        {position, meant.empty() ? absl::StrCat("unknown key ", Quoted(name), "; there are ", Join(known))
                                 : absl::StrCat("unknown key ", Quoted(name), "; did you mean \"", meant, "\"?")});
  }
}

Document Document::Parse(std::string_view text, std::string_view file_name) {
  auto source = std::make_shared<Source>();
  source->file = file_name;
  if (text.size() > kMaxFileBytes) {
    source->problems.push_back(
        {Position{}, absl::StrCat("the file has ", text.size(), " bytes; the limit is ", kMaxFileBytes)});
  } else {
    ParseYaml(text, *source);
  }
  return Document(std::move(source));
}

absl::StatusOr<std::string> ReadFile(const std::string& path) {
  std::FILE* file = std::fopen(path.c_str(), "rb");
  if (file == nullptr) return absl::ErrnoToStatus(errno, absl::StrCat("can't read ", path));
  std::string text;
  char buffer[16384];
  size_t n = 0;
  // One byte over the limit is enough for Parse to refuse it.
  while (text.size() <= kMaxFileBytes && (n = std::fread(buffer, 1, sizeof(buffer), file)) > 0) text.append(buffer, n);
  const bool failed = std::ferror(file) != 0;
  const int error = errno;
  std::fclose(file);
  if (failed) return absl::ErrnoToStatus(error, absl::StrCat("can't read ", path));
  return text;
}

absl::StatusOr<Document> Document::Load(const std::string& path) {
  absl::StatusOr<std::string> text = ReadFile(path);
  if (!text.ok()) return text.status();
  return Parse(*text, path);
}

Map Document::Root() const {
  return Map(source_->root.kind == Node::Kind::kMap ? &source_->root : nullptr, &source_->root, source_);
}

std::vector<std::string> Document::Problems() const {
  std::vector<Source::Problem> sorted = source_->problems;
  std::stable_sort(sorted.begin(), sorted.end(),
                   [](const Source::Problem& a, const Source::Problem& b) { return a.position < b.position; });
  std::vector<std::string> lines;
  for (const Source::Problem& p : sorted) {
    lines.push_back(absl::StrCat(source_->file, ":", p.position.line, ":", p.position.column, ": ", p.text));
  }
  return lines;
}

}  // namespace breakwater::config
