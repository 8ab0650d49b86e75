// A parsed YAML file as a plain tree with positions. Internal to this folder.
#ifndef BREAKWATER_COMMON_CONFIG_NODE_H_
#define BREAKWATER_COMMON_CONFIG_NODE_H_

#include <string>
#include <string_view>
#include <vector>

namespace breakwater::config {

struct Position {
  int line = 1;  // 1-based
  int column = 1;
  friend auto operator<=>(const Position&, const Position&) = default;
};

struct Entry;

struct Node {
  enum class Kind { kNull, kScalar, kList, kMap };
  Kind kind = Kind::kNull;
  Position position;
  std::string scalar;
  std::vector<Node> items;     // kList
  std::vector<Entry> entries;  // kMap, in the order of the file
};

struct Entry {
  std::string key;
  Position position;  // of the key
  Node value;
};

struct Source {
  struct Problem {
    Position position;
    std::string text;
  };
  std::string file;
  Node root;
  std::vector<Problem> problems;
};

// Fills source.root, or adds the reason why not to source.problems.
void ParseYaml(std::string_view text, Source& source);

}  // namespace breakwater::config

#endif  // BREAKWATER_COMMON_CONFIG_NODE_H_
