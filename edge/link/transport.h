// The two streams to a coordinator, as the link sees them.
//
//   std::unique_ptr<Transport> transport = NewGrpcTransport(material, sink);
//   transport->Perform(OpenSession{1, "127.0.0.1:7442"});      // reads at once; the sink gets SessionRead, SessionClosed, ...
//
// The sink is called from the transport's threads with the events of link_machine.h that begin with Session and Telemetry.
// After a message was read the next one waits for ReadSession or ReadTelemetry, so a coordinator that talks too fast is held
// up by its own connection. Perform() belongs to one thread. Destroying it ends both streams and waits for their callbacks.
#ifndef BREAKWATER_EDGE_LINK_TRANSPORT_H_
#define BREAKWATER_EDGE_LINK_TRANSPORT_H_

#include <functional>
#include <memory>

#include "common/tls/credentials.h"
#include "edge/link/link_machine.h"

namespace breakwater::link {

class Transport {
 public:
  using Sink = std::function<void(LinkEvent)>;

  virtual ~Transport() = default;
  virtual void Perform(const OpenSession& action) = 0;
  virtual void Perform(const OpenTelemetry& action) = 0;
  virtual void Perform(WriteSession action) = 0;
  virtual void Perform(WriteTelemetry action) = 0;
  virtual void Perform(const ReadSession& action) = 0;
  virtual void Perform(const ReadTelemetry& action) = 0;
  virtual void Perform(const CloseSession& action) = 0;
  virtual void Perform(const CloseTelemetry& action) = 0;
};

// Over gRPC with mutual TLS; each stream has a connection of its own.
std::unique_ptr<Transport> NewGrpcTransport(const tls::Material& material, Transport::Sink sink);

}  // namespace breakwater::link

#endif  // BREAKWATER_EDGE_LINK_TRANSPORT_H_
