// The one file that knows yaml-cpp.
#include "yaml-cpp/yaml.h"

#include <set>
#include <stdexcept>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/config/config.h"
#include "common/config/node.h"

namespace breakwater::config {
namespace {

Position At(const YAML::Mark& mark) { return mark.is_null() ? Position{} : Position{mark.line + 1, mark.column + 1}; }

class TooBig : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// Copies the library's graph into a tree. An alias is copied wherever it is used, so the bounds also stop a file whose
// aliases multiply.
class Converter {
 public:
  explicit Converter(Source& source) : source_(source) {}

  Node Convert(const YAML::Node& yaml, int depth) {
    if (depth > kMaxDepth) throw TooBig(absl::StrCat("nested deeper than the limit of ", kMaxDepth, " levels"));
    if (++nodes_ > kMaxNodes) throw TooBig(absl::StrCat("more than the limit of ", kMaxNodes, " values"));
    Node node;
    node.position = At(yaml.Mark());
    switch (yaml.Type()) {
      case YAML::NodeType::Undefined:
      case YAML::NodeType::Null:
        break;
      case YAML::NodeType::Scalar:
        node.kind = Node::Kind::kScalar;
        node.scalar = yaml.Scalar();
        break;
      case YAML::NodeType::Sequence:
        node.kind = Node::Kind::kList;
        for (const YAML::Node& item : yaml) node.items.push_back(Convert(item, depth + 1));
        break;
      case YAML::NodeType::Map:
        node.kind = Node::Kind::kMap;
        ConvertMap(yaml, depth, node);
        break;
    }
    return node;
  }

 private:
  void ConvertMap(const YAML::Node& yaml, int depth, Node& node) {
    std::set<std::string> seen;
    for (const auto& entry : yaml) {
      const Position position = At(entry.first.Mark());
      if (!entry.first.IsScalar()) {
        source_.problems.push_back({position, "a key has to be a plain word"});
        continue;
      }
      const std::string& key = entry.first.Scalar();
      if (!seen.insert(key).second) {
        source_.problems.push_back({position, absl::StrCat("the key \"", key, "\" is there twice")});
        continue;
      }
      node.entries.push_back({key, position, Convert(entry.second, depth + 1)});
      // A key without a value has no position of its own.
      Node& value = node.entries.back().value;
      if (value.kind == Node::Kind::kNull) value.position = position;
    }
  }

  Source& source_;
  size_t nodes_ = 0;
};

}  // namespace

void ParseYaml(std::string_view text, Source& source) {
  try {
    const std::vector<YAML::Node> documents = YAML::LoadAll(std::string(text));
    source.root = Converter(source).Convert(documents.empty() ? YAML::Node() : documents.front(), 0);
    // Whatever stands behind a separator would silently not count.
    for (size_t i = 1; i < documents.size(); ++i) {
      if (documents[i].IsNull()) continue;
      source.problems.push_back(
          {At(documents[i].Mark()), "a second document (behind \"---\" or \"...\"); a file holds one"});
      break;
    }
    if (source.root.kind != Node::Kind::kMap && source.root.kind != Node::Kind::kNull) {
      source.problems.push_back({source.root.position, "expected \"key: value\" lines"});
    }
  } catch (const YAML::Exception& error) {
    source.problems.push_back({At(error.mark), absl::StrCat("not valid YAML: ", error.msg)});
  } catch (const std::exception& error) {
    source.problems.push_back({Position{}, error.what()});
  }
}

}  // namespace breakwater::config
