#include "edge/datapath/xdp_link.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/if_link.h>
#include <net/if.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"

namespace breakwater::datapath {
namespace {

// "id 17 (xdp_firewall)"; looking at a program that isn't ours takes CAP_SYS_ADMIN, without it there is only the number.
std::string ProgramName(uint32_t id) {
  std::string name = absl::StrCat("id ", id);
  const int fd = bpf_prog_get_fd_by_id(id);
  if (fd < 0) return name;
  bpf_prog_info info{};
  uint32_t size = sizeof info;
  if (bpf_obj_get_info_by_fd(fd, &info, &size) == 0) absl::StrAppend(&name, " (", info.name, ")");
  close(fd);
  return name;
}

absl::Status CheckFree(const std::string& interface, int index) {
  LIBBPF_OPTS(bpf_xdp_query_opts, query);
  if (const int error = bpf_xdp_query(index, 0, &query); error != 0)
    return absl::ErrnoToStatus(-error, absl::StrCat("asking which XDP program is on ", interface));
  for (uint32_t id : {query.prog_id, query.drv_prog_id, query.skb_prog_id, query.hw_prog_id}) {
    if (id == 0) continue;
    return absl::FailedPreconditionError(
        absl::StrCat(interface, " already carries the XDP program ", ProgramName(id),
                     ": detach it first (bpftool net detach xdp dev ", interface, "), or leave ", interface,
                     " out; two programs would need a dispatcher, which isn't supported"));
  }
  return absl::OkStatus();
}

// The link's file descriptor, or minus the error.
int CreateLink(int program, int index, uint32_t flags) {
  LIBBPF_OPTS(bpf_link_create_opts, options, .flags = flags);
  const int fd = bpf_link_create(program, index, BPF_XDP, &options);
  return fd < 0 ? -errno : fd;
}

}  // namespace

absl::StatusOr<XdpLink> XdpLink::Attach(int program, const std::string& interface, AttachMode mode) {
  const auto index = static_cast<int>(if_nametoindex(interface.c_str()));
  if (index == 0)
    return absl::NotFoundError(absl::StrCat("there is no network interface \"", interface, "\" (ip link shows them)"));
  if (absl::Status s = CheckFree(interface, index); !s.ok()) return s;

  int native = 0;
  if (mode != AttachMode::kGeneric) {
    native = CreateLink(program, index, XDP_FLAGS_DRV_MODE);
    if (native >= 0) return XdpLink(native, index, AttachMode::kNative, "");
    if (mode == AttachMode::kNative)
      return absl::ErrnoToStatus(
          -native, absl::StrCat("attaching to ", interface,
                                " in native mode; its driver or its settings don't allow it, generic mode may work"));
  }
  const int generic = CreateLink(program, index, XDP_FLAGS_SKB_MODE);
  if (generic < 0) return absl::ErrnoToStatus(-generic, absl::StrCat("attaching to ", interface, " in generic mode"));
  std::string note;
  if (native < 0)
    note =
        absl::StrCat("generic mode, which is several times slower: native mode failed (", std::strerror(-native), ")");
  return XdpLink(generic, index, AttachMode::kGeneric, std::move(note));
}

XdpLink::XdpLink(int fd, int index, AttachMode mode, std::string note)
    : fd_(fd), index_(index), mode_(mode), note_(std::move(note)) {}

XdpLink::XdpLink(XdpLink&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)), index_(other.index_), mode_(other.mode_), note_(std::move(other.note_)) {}

XdpLink& XdpLink::operator=(XdpLink&& other) noexcept {
  std::swap(fd_, other.fd_);
  std::swap(index_, other.index_);
  std::swap(mode_, other.mode_);
  std::swap(note_, other.note_);
  return *this;
}

XdpLink::~XdpLink() {
  if (fd_ >= 0) close(fd_);
}

bool XdpLink::alive() const {
  bpf_link_info info{};
  uint32_t size = sizeof info;
  return bpf_obj_get_info_by_fd(fd_, &info, &size) == 0 && info.xdp.ifindex != 0;
}

}  // namespace breakwater::datapath
