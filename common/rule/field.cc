#include "common/rule/field.h"

#include <array>

namespace breakwater::rule {
namespace {

constexpr FieldInfo kFields[] = {
#define BW_FIELD_INFO(id, name, type, max, layer, flowspec, doc) \
  {FieldId::id, name, FieldType::type, max, Layer::layer, flowspec, doc},
    BW_FIELDS(BW_FIELD_INFO)
#undef BW_FIELD_INFO
};

// Field() indexes the table by id.
constexpr bool IdsAreIndices() {
  for (size_t i = 0; i < std::size(kFields); ++i) {
    if (static_cast<size_t>(kFields[i].id) != i) return false;
  }
  return true;
}
static_assert(IdsAreIndices());

constexpr FlagName kTcpFlagNames[] = {{"fin", 0x01}, {"syn", 0x02}, {"rst", 0x04}, {"psh", 0x08},
                                      {"ack", 0x10}, {"urg", 0x20}, {"ece", 0x40}, {"cwr", 0x80}};
// The bits of RFC 8955 section 4.2.2.12.
constexpr FlagName kFragmentNames[] = {{"df", 0x01}, {"isf", 0x02}, {"ff", 0x04}, {"lf", 0x08}};

}  // namespace

std::span<const FieldInfo> Fields() { return kFields; }

const FieldInfo& Field(FieldId id) { return kFields[static_cast<size_t>(id)]; }

const FieldInfo* FindField(std::string_view name) {
  for (const FieldInfo& field : kFields) {
    if (field.name == name) return &field;
  }
  return nullptr;
}

std::string_view LayerName(Layer layer) {
  switch (layer) {
    case Layer::kL3:
      return "l3";
    case Layer::kL4:
      return "l4";
    case Layer::kTls:
      return "tls";
    case Layer::kHttp:
      return "http";
  }
  return "unknown";
}

std::span<const FlagName> FlagNames(FieldId id) {
  if (id == FieldId::kTcpFlags) return kTcpFlagNames;
  if (id == FieldId::kIpFragment) return kFragmentNames;
  return {};
}

}  // namespace breakwater::rule
