// What each row of the table of commands runs: asks, shows, and returns the exit status. Internal to this folder.
#ifndef BREAKWATER_COORDINATOR_CLI_HANDLERS_H_
#define BREAKWATER_COORDINATOR_CLI_HANDLERS_H_

#include "coordinator/cli/session.h"

namespace breakwater::cli {

// look.cc: change nothing.
int Overview(Session& s);
int EdgeList(Session& s);
int EdgeShow(Session& s);
int AttackList(Session& s);
int AttackShow(Session& s);
int RuleList(Session& s);
int RuleShow(Session& s);
int ExplainIp(Session& s);
int Traffic(Session& s);
int PanicStatus(Session& s);

// change.cc.
int RuleCreate(Session& s);
int RuleDelete(Session& s);
int Block(Session& s);
int Unblock(Session& s);
int Panic(Session& s);

// local.cc: need no coordinator.
int PrintVersion(Session& s);
int Completion(Session& s);

}  // namespace breakwater::cli

#endif  // BREAKWATER_COORDINATOR_CLI_HANDLERS_H_
