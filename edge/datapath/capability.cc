#include "edge/datapath/capability.h"

#include <linux/capability.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace breakwater::datapath {
namespace {

bool Has(const __user_cap_data_struct* sets, int capability) {
  return sets[capability / 32].effective >> (capability % 32) & 1;
}

}  // namespace

absl::Status CheckCapabilities(const char* what) {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct sets[_LINUX_CAPABILITY_U32S_3]{};
  if (syscall(SYS_capget, &header, sets) != 0) return absl::ErrnoToStatus(errno, "reading this process's capabilities");
  std::vector<std::string> missing;
  // CAP_SYS_ADMIN stands for both in the kernel's eyes.
  const bool admin = Has(sets, CAP_SYS_ADMIN);
  if (!admin && !Has(sets, CAP_BPF)) missing.push_back("CAP_BPF");
  if (!Has(sets, CAP_NET_ADMIN)) missing.push_back("CAP_NET_ADMIN");
  if (missing.empty()) return absl::OkStatus();
  return absl::PermissionDeniedError(
      absl::StrCat(what, " needs CAP_BPF and CAP_NET_ADMIN; this process lacks ", absl::StrJoin(missing, " and "),
                   ": run it as root, or set AmbientCapabilities=CAP_BPF CAP_NET_ADMIN in its systemd unit"));
}

}  // namespace breakwater::datapath
