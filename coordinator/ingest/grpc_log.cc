#include "coordinator/ingest/grpc_log.h"

#include <grpc/support/log.h>

#include "common/log/log.h"

namespace breakwater::ingest {
namespace {

void Take(gpr_log_func_args* line) {
  const log::Logger log("grpc");
  log.Debug("grpc", line->message, {{"severity", gpr_log_severity_string(line->severity)}});
}

}  // namespace

void SendGrpcLinesToLog() { gpr_set_log_function(Take); }

}  // namespace breakwater::ingest
