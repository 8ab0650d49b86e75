// One XDP program on one network interface, as long as the object lives.
//
//   absl::StatusOr<XdpLink> link = XdpLink::Attach(program, "eth0", AttachMode::kAuto);
//   link->alive();       // false once the interface is gone, or somebody else detached it
//
// The kernel takes the program off with the last reference, so it is gone as well when this process dies. Not thread-safe.
#ifndef BREAKWATER_EDGE_DATAPATH_XDP_LINK_H_
#define BREAKWATER_EDGE_DATAPATH_XDP_LINK_H_

#include <string>

#include "absl/status/statusor.h"
#include "edge/datapath/datapath.h"

namespace breakwater::datapath {

class XdpLink {
 public:
  // NotFound when there is no such interface; FailedPrecondition, naming the other, when an XDP program is on it already.
  static absl::StatusOr<XdpLink> Attach(int program, const std::string& interface, AttachMode mode);

  XdpLink(XdpLink&& other) noexcept;
  XdpLink& operator=(XdpLink&& other) noexcept;
  ~XdpLink();

  bool alive() const;
  int index() const { return index_; }
  AttachMode mode() const { return mode_; }
  // Why the mode isn't native although it was asked for; else empty.
  const std::string& note() const { return note_; }

 private:
  XdpLink(int fd, int index, AttachMode mode, std::string note);

  int fd_ = -1;
  int index_ = 0;
  AttachMode mode_ = AttachMode::kNative;
  std::string note_;
};

}  // namespace breakwater::datapath

#endif  // BREAKWATER_EDGE_DATAPATH_XDP_LINK_H_
