#include "common/rule/field_reference.h"

#include <string_view>

#include "common/rule/expr.h"
#include "common/rule/field.h"
#include "common/rule/guard.h"

namespace breakwater::rule {
namespace {

constexpr std::string_view kIntroduction = R"(# Fields

<!-- Made by `breakwater-docgen fields`; a test compares. Change common/rule/field.h instead. -->

What a rule's match can speak about. [Rules](rules.md) explains the language around them.

A comparison on a field that a packet doesn't have is false, whatever the operator: `udp.srcport == 53` is false for TCP,
and so is `udp.srcport >= 0`, which therefore asks whether there is such a field at all. `not` turns that round:
`not udp.srcport == 53`, which may be written `udp.srcport != 53`, is true for TCP.

"Decided by" says which layer carries rules with this field. A rule is refused, with the reason, by a layer that can't decide
one of its fields. "FlowSpec" is the component of RFC 8955 (for IPv6 RFC 8956) that says the same.

)";

struct Section {
  Layer layer;
  std::string_view title;
  std::string_view text;
};
constexpr Section kSections[] = {
    {Layer::kL3, "Network layer", "Of the outermost IP header."},
    {Layer::kL4, "Transport layer",
     "Absent in later fragments, which carry no transport header, and where the header is cut short."},
    {Layer::kTls, "TLS", "Of the ClientHello."},
    {Layer::kHttp, "HTTP", "Of a request."},
};

std::string Code(std::string_view text) { return "`" + std::string(text) + "`"; }

std::string WrittenName(const FieldInfo& field) {
  if (field.type == FieldType::kBytes) return Code(std::string(field.name) + "[offset:length]");
  if (field.id == FieldId::kHttpHeader || field.id == FieldId::kHttpCookie) {
    return Code(std::string(field.name) + "[\"name\"]");
  }
  return Code(field.name);
}

std::string Values(const FieldInfo& field) {
  switch (field.type) {
    case FieldType::kNumber:
      return "number, 0 to " + std::to_string(field.max);
    case FieldType::kAddress:
      return "address or prefix";
    case FieldType::kFlags:
      return "flags";
    case FieldType::kBytes:
      return "1 to " + std::to_string(kMaxByteLength) + " bytes, the last at " + std::to_string(field.max);
    case FieldType::kString:
      return "string, at most " + std::to_string(field.max) + " bytes";
    case FieldType::kCountry:
      return "country";
  }
  return "";
}

std::string DecidedBy(const FieldInfo& field) {
  const bool datapath = CanDecide(field.id, Decider::kDatapath);
  const bool gateway = CanDecide(field.id, Decider::kGateway);
  if (datapath) return gateway ? "packet filter, gateway" : "packet filter";
  return gateway ? "gateway" : "no layer yet";
}

std::string Table(Layer layer) {
  std::string out = "| field | values | decided by | FlowSpec | what it is |\n|---|---|---|---|---|\n";
  for (const FieldInfo& field : Fields()) {
    if (field.layer != layer) continue;
    out += "| " + WrittenName(field) + " | " + Values(field) + " | " + DecidedBy(field) + " | " +
           (field.flowspec == 0 ? "" : std::to_string(field.flowspec)) + " | " + std::string(field.doc) + " |\n";
  }
  return out;
}

std::string FlagTable() {
  std::string out = "## Names of flags\n\n| field | flags, with their values |\n|---|---|\n";
  for (const FieldInfo& field : Fields()) {
    if (field.type != FieldType::kFlags) continue;
    out += "| " + Code(field.name) + " | ";
    std::string flags;
    for (const FlagName& flag : FlagNames(field.id)) {
      flags += (flags.empty() ? "" : ", ") + Code(flag.name) + " " + std::to_string(flag.bit);
    }
    out += flags + " |\n";
  }
  return out;
}

}  // namespace

std::string FieldReference() {
  std::string page(kIntroduction);
  for (const Section& section : kSections) {
    page +=
        "## " + std::string(section.title) + "\n\n" + std::string(section.text) + "\n\n" + Table(section.layer) + "\n";
  }
  return page + FlagTable();
}

}  // namespace breakwater::rule
