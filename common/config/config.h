// Reads YAML configuration and finds every mistake in it at once, each with its file, line and column.
//
//   config::Document document = config::Document::Parse(text, "edge.yaml");
//   config::Map root = document.Root();
//   settings.lease = root.Get("lease").AsDuration(absl::Seconds(60), absl::Seconds(1), absl::Hours(1));
//   for (const config::Value& item : root.Get("guards").AsList()) { ... item.AsPrefix() ... }
//   root.Finish();                     // keys nobody asked for are mistakes
//   for (const std::string& p : document.Problems()) ...   // "edge.yaml:7:3: unknown key …; did you mean …?"
//
// A Value may be absent; an absent one gives the fallback, a wrong one is reported and gives the fallback too, so that
// reading goes on to the next mistake. Maps and values hold on to their document's contents and may outlive it. Bounds:
// kMaxFileBytes, kMaxNodes, kMaxDepth. Not thread-safe.
#ifndef BREAKWATER_COMMON_CONFIG_CONFIG_H_
#define BREAKWATER_COMMON_CONFIG_CONFIG_H_

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/config/units.h"
#include "common/net/ip.h"

namespace breakwater::config {

inline constexpr size_t kMaxFileBytes = 4 * 1024 * 1024;
inline constexpr size_t kMaxNodes = 500000;  // aliases count as often as they are used
inline constexpr int kMaxDepth = 32;

struct Node;    // one piece of the parsed file
struct Source;  // the file and what is wrong with it
class Map;

class Value {
 public:
  // False for a key that isn't there, or one without a value.
  bool present() const;
  int line() const;

  std::string AsString(std::string_view fallback = "") const;
  int64_t AsInteger(int64_t fallback, int64_t min, int64_t max) const;
  double AsNumber(double fallback, double min, double max) const;
  bool AsBool(bool fallback) const;
  absl::Duration AsDuration(absl::Duration fallback, absl::Duration min, absl::Duration max) const;
  uint64_t AsSize(uint64_t fallback, uint64_t min, uint64_t max) const;
  // nullopt when absent or wrong.
  std::optional<Rate> AsRate() const;
  std::optional<net::IpPrefix> AsPrefix() const;
  // One of a few words.
  template <typename T>
  T AsChoice(T fallback, std::initializer_list<std::pair<std::string_view, T>> choices) const {
    std::vector<std::string_view> names;
    for (const auto& [name, unused] : choices) names.push_back(name);
    const std::optional<size_t> index = ChoiceIndex(names);
    return index ? (choices.begin() + *index)->second : fallback;
  }
  // An absent list is empty. A single scalar is no list.
  std::vector<Value> AsList() const;
  // An absent map is empty.
  Map AsMap() const;
  bool IsMap() const;

  // Reports a mistake at this value. For an absent value, at the map it is missing from.
  void Report(std::string_view problem) const;

 private:
  friend class Map;
  friend class Document;
  Value(const Node* node, const Node* parent, std::shared_ptr<Source> source)
      : node_(node), parent_(parent), source_(std::move(source)) {}
  std::optional<size_t> ChoiceIndex(const std::vector<std::string_view>& names) const;
  const std::string* Scalar(std::string_view expected) const;
  void ReportExpected(std::string_view expected) const;

  const Node* node_;    // null when absent
  const Node* parent_;  // where it is missing from
  std::shared_ptr<Source> source_;
};

// Copies share what was asked for.
class Map {
 public:
  Value Get(std::string_view key);
  // As Get; its absence is a mistake.
  Value Need(std::string_view key);
  // All keys and values, in the order of the file, for maps whose keys are data.
  std::vector<std::pair<std::string, Value>> Entries();
  // Reports every key that wasn't asked for, with the one that was probably meant.
  void Finish() const;

 private:
  friend class Value;
  friend class Document;
  Map(const Node* node, const Node* parent, std::shared_ptr<Source> source)
      : node_(node), parent_(parent), source_(std::move(source)) {}

  const Node* node_;  // null when absent
  const Node* parent_;
  std::shared_ptr<Source> source_;
  std::shared_ptr<std::set<std::string, std::less<>>> known_ = std::make_shared<std::set<std::string, std::less<>>>();
};

class Document {
 public:
  // file_name is for messages. What isn't YAML is a problem of the document.
  static Document Parse(std::string_view text, std::string_view file_name);
  // Errors: the file can't be read.
  static absl::StatusOr<Document> Load(const std::string& path);

  Map Root() const;
  // Sorted by line.
  std::vector<std::string> Problems() const;

 private:
  explicit Document(std::shared_ptr<Source> source) : source_(std::move(source)) {}
  std::shared_ptr<Source> source_;
};

// A file's text. Reading stops behind kMaxFileBytes, so that whoever parses it finds it too large.
absl::StatusOr<std::string> ReadFile(const std::string& path);

// The known word that was probably meant, or empty. Exposed for other readers of names.
std::string DidYouMean(std::string_view word, const std::vector<std::string_view>& known);

}  // namespace breakwater::config

#endif  // BREAKWATER_COMMON_CONFIG_CONFIG_H_
