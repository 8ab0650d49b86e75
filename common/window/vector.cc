#include "common/window/vector.h"

namespace breakwater::window {

std::string_view vector_name(Vector vector) {
  switch (vector) {
#define BW_VECTOR_NAME(number, id, name, description) \
  case BW_VECTOR_##id:                                \
    return name;
    BW_VECTORS(BW_VECTOR_NAME)
#undef BW_VECTOR_NAME
    default:
      return "unknown";
  }
}

std::string_view vector_description(Vector vector) {
  switch (vector) {
#define BW_VECTOR_DESCRIPTION(number, id, name, description) \
  case BW_VECTOR_##id:                                       \
    return description;
    BW_VECTORS(BW_VECTOR_DESCRIPTION)
#undef BW_VECTOR_DESCRIPTION
    default:
      return "unknown";
  }
}

std::optional<Vector> vector_from_name(std::string_view wanted) {
#define BW_VECTOR_FROM(number, id, name, description) \
  if (wanted == name) return BW_VECTOR_##id;
  BW_VECTORS(BW_VECTOR_FROM)
#undef BW_VECTOR_FROM
  return std::nullopt;
}

}  // namespace breakwater::window
