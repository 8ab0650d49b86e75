#include "edge/datapath/native_tables.h"

#include <cstdlib>
#include <new>

namespace breakwater::datapath {
namespace {

uint32_t TimesOf(int unit, uint32_t host_sets) { return unit == BW_PER_HOST_SET ? host_sets : 1; }

}  // namespace

NativeTables::NativeTables(uint32_t host_sets) : env_(std::make_unique<bw_native>()) {
  // calloc: pages that nobody writes cost nothing, so an engine with a small ruleset is small.
  auto allocate = [this](size_t count, size_t size) {
    void* memory = std::calloc(count, size);
    if (memory == nullptr) throw std::bad_alloc();
    memory_.push_back(memory);
    return memory;
  };
#define BW_ALLOCATE_TABLE(name, type, elements, unit, mapped)         \
  env_->tables.name##_elements = (elements)*TimesOf(unit, host_sets); \
  env_->tables.name = static_cast<type*>(allocate(env_->tables.name##_elements, sizeof(type)));
  BW_TABLES(BW_ALLOCATE_TABLE)
#undef BW_ALLOCATE_TABLE
  // As many as the kernel's ring holds: each record has a header of eight bytes, and a full ring keeps one byte free.
  env_->sample_capacity = (BW_SAMPLE_RING_BYTES - 1) / (sizeof(bw_sample) + 8);
  env_->samples = static_cast<bw_sample*>(allocate(env_->sample_capacity, sizeof(bw_sample)));
}

NativeTables::~NativeTables() {
  for (void* memory : memory_) std::free(memory);
}

}  // namespace breakwater::datapath
