// The reference page of the match language's fields, made from the field table so that it can't lag behind.
//
//   std::string page = FieldReference();   // what docs/reference/fields.md holds
//
// Pure.
#ifndef BREAKWATER_COMMON_RULE_FIELD_REFERENCE_H_
#define BREAKWATER_COMMON_RULE_FIELD_REFERENCE_H_

#include <string>

namespace breakwater::rule {

// Markdown.
std::string FieldReference();

}  // namespace breakwater::rule

#endif  // BREAKWATER_COMMON_RULE_FIELD_REFERENCE_H_
