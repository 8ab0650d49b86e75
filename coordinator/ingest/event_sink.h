// Where streams of edges put what they hear: the control strand, or a test.
#ifndef BREAKWATER_COORDINATOR_INGEST_EVENT_SINK_H_
#define BREAKWATER_COORDINATOR_INGEST_EVENT_SINK_H_

#include <functional>

#include "coordinator/control/control.h"

namespace breakwater::ingest {

class EventSink {
 public:
  virtual ~EventSink() = default;
  // Never waits. Events of one stream keep their order. done (may be empty) is called on the strand once control has had
  // the event; a stream lets only a few events wait for it, which bounds what is queued. Thread-safe.
  virtual void Post(coordinator::Event event, std::function<void()> done) = 0;
};

}  // namespace breakwater::ingest

#endif  // BREAKWATER_COORDINATOR_INGEST_EVENT_SINK_H_
