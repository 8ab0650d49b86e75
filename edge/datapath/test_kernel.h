// For tests that need the kernel's side: without the capabilities they fail loudly, unless BREAKWATER_NO_KERNEL=1 says
// that this machine can't have them.
#ifndef BREAKWATER_EDGE_DATAPATH_TEST_KERNEL_H_
#define BREAKWATER_EDGE_DATAPATH_TEST_KERNEL_H_

#include <gtest/gtest.h>

#include <cstdlib>
#include <string_view>

#include "edge/datapath/capability.h"

#define BREAKWATER_NEEDS_KERNEL()                                                                             \
  do {                                                                                                        \
    const char* bw_no_kernel = std::getenv("BREAKWATER_NO_KERNEL");                                           \
    if (bw_no_kernel != nullptr && std::string_view(bw_no_kernel) == "1")                                     \
      GTEST_SKIP() << "NOT TESTED: BREAKWATER_NO_KERNEL=1, so the kernel's packet filter was not looked at";  \
    const absl::Status bw_capabilities = ::breakwater::datapath::CheckCapabilities("this test");              \
    ASSERT_TRUE(bw_capabilities.ok()) << bw_capabilities << "; BREAKWATER_NO_KERNEL=1 leaves such tests out"; \
  } while (false)

#endif  // BREAKWATER_EDGE_DATAPATH_TEST_KERNEL_H_
