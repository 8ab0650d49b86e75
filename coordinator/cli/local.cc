// The commands that need no coordinator.
#include "common/service/version.h"
#include "coordinator/cli/completion.h"
#include "coordinator/cli/handlers.h"

namespace breakwater::cli {

int PrintVersion(Session& s) {
  // One line of JSON for both kinds: it has no message of its own.
  switch (s.output) {
    case Output::kTable:
      s.out << "bwctl " << service::Version() << " (" << service::Revision() << ")\n";
      break;
    case Output::kName:
      s.out << service::Version() << "\n";
      break;
    case Output::kJson:
    case Output::kJsonLines:
      s.out << R"({"version":")" << service::Version() << R"(","revision":")" << service::Revision() << "\"}\n";
      break;
  }
  return kOk;
}

int Completion(Session& s) {
  s.out << (s.values.Text("SHELL") == "bash" ? BashCompletion() : ZshCompletion());
  return kOk;
}

}  // namespace breakwater::cli
