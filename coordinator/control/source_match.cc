#include "coordinator/control/source_match.h"

#include <algorithm>

namespace breakwater::coordinator {
namespace {

using rule::Expr;

struct Possible {
  bool yes = true;  // some packet from the source matches
  bool no = true;   // some packet from it doesn't
};

Possible Judge(const Expr& e, const net::IpAddress& source) {
  Possible p;
  switch (e.kind) {
    case Expr::Kind::kCompare:
      if (e.compare.field != rule::FieldId::kIpSrc) return p;
      p.yes = std::any_of(e.compare.prefixes.begin(), e.compare.prefixes.end(),
                          [&](const net::IpPrefix& prefix) { return prefix.Contains(source); });
      p.no = !p.yes;
      return p;
    case Expr::Kind::kNot:
      p = Judge(*e.children.front(), source);
      return {p.no, p.yes};
    case Expr::Kind::kAnd:
      p = {true, false};
      for (const rule::ExprPtr& child : e.children) {
        const Possible c = Judge(*child, source);
        p = {p.yes && c.yes, p.no || c.no};
      }
      return p;
    case Expr::Kind::kOr:
      p = {false, true};
      for (const rule::ExprPtr& child : e.children) {
        const Possible c = Judge(*child, source);
        p = {p.yes || c.yes, p.no && c.no};
      }
      return p;
  }
  return p;
}

bool NamesSource(const Expr& e) {
  if (e.kind == Expr::Kind::kCompare) return e.compare.field == rule::FieldId::kIpSrc;
  return std::any_of(e.children.begin(), e.children.end(), [](const rule::ExprPtr& c) { return NamesSource(*c); });
}

}  // namespace

bool CanHoldSource(const Expr& match, const net::IpAddress& source) {
  return NamesSource(match) && Judge(match, source).yes;
}

}  // namespace breakwater::coordinator
