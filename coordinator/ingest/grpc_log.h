// gRPC's own lines go where all others go, at level debug: what matters of them is in our words already, and failed
// handshakes of strangers must not fill the log.
#ifndef BREAKWATER_COORDINATOR_INGEST_GRPC_LOG_H_
#define BREAKWATER_COORDINATOR_INGEST_GRPC_LOG_H_

namespace breakwater::ingest {

// For the whole process; before the first use of gRPC.
void SendGrpcLinesToLog();

}  // namespace breakwater::ingest

#endif  // BREAKWATER_COORDINATOR_INGEST_GRPC_LOG_H_
