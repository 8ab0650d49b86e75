#include "common/view_json/view_json.h"

#include "absl/strings/str_cat.h"
#include "google/protobuf/util/json_util.h"

namespace breakwater::view_json {

absl::StatusOr<std::string> ToJson(const google::protobuf::Message& message, Layout layout) {
  google::protobuf::util::JsonPrintOptions options;
  options.add_whitespace = layout == Layout::kIndented;
  options.always_print_primitive_fields = true;
  options.preserve_proto_field_names = true;
  std::string json;
  const google::protobuf::util::Status status = google::protobuf::util::MessageToJsonString(message, &json, options);
  if (!status.ok()) {
    return absl::InternalError(absl::StrCat("a ", message.GetDescriptor()->name(), " can't be written as JSON: ",
                                            std::string(status.message().data(), status.message().size())));
  }
  while (!json.empty() && json.back() == '\n') json.pop_back();
  return json;
}

absl::Status Read(std::string_view json, google::protobuf::Message& message) {
  const std::string& name = message.GetDescriptor()->name();
  if (json.size() > kMaxJsonBytes) {
    return absl::InvalidArgumentError(
        absl::StrCat("the JSON of a ", name, " has ", json.size(), " bytes; at most ", kMaxJsonBytes, " are read"));
  }
  const google::protobuf::util::Status status = google::protobuf::util::JsonStringToMessage(
      google::protobuf::stringpiece_internal::StringPiece(json.data(), json.size()), &message);
  if (!status.ok()) {
    return absl::InvalidArgumentError(absl::StrCat("this isn't the JSON of a ", name, ": ",
                                                   std::string(status.message().data(), status.message().size())));
  }
  return absl::OkStatus();
}

}  // namespace breakwater::view_json
