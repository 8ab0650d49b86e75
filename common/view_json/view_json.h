// The JSON of the views in proto/breakwater/v1/admin.proto, the same wherever it is shown (API, page, CLI): the canonical
// JSON of protobuf with the names of the .proto file and with default values written out.
//
//   absl::StatusOr<std::string> body = view_json::ToJson(overview);
//   absl::StatusOr<v1::BlockRequest> request = view_json::FromJson<v1::BlockRequest>(body);
//
// Pure and thread-safe.
#ifndef BREAKWATER_COMMON_VIEW_JSON_VIEW_JSON_H_
#define BREAKWATER_COMMON_VIEW_JSON_VIEW_JSON_H_

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "google/protobuf/message.h"

namespace breakwater::view_json {

// One line without spaces, or indented for people. Neither ends in a line break.
enum class Layout { kLine, kIndented };

// A string ends where it stops being UTF-8; the JSON is always UTF-8. Errors: protobuf refuses to write the message.
absl::StatusOr<std::string> ToJson(const google::protobuf::Message& message, Layout layout = Layout::kLine);

// The longest JSON text that is read; requests' own bounds are below it.
inline constexpr size_t kMaxJsonBytes = size_t{1} << 20;

absl::Status Read(std::string_view json, google::protobuf::Message& message);

// InvalidArgument: not JSON, a name that the message hasn't (a typo must not pass in silence), a value of another type, or
// more than kMaxJsonBytes.
template <typename T>
absl::StatusOr<T> FromJson(std::string_view json) {
  T message;
  if (absl::Status status = Read(json, message); !status.ok()) return status;
  return message;
}

}  // namespace breakwater::view_json

#endif  // BREAKWATER_COMMON_VIEW_JSON_VIEW_JSON_H_
