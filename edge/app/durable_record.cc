#include "edge/app/durable_record.h"

#include <utility>

#include "absl/strings/str_cat.h"
#define XXH_INLINE_ALL
#include "xxhash.h"

namespace breakwater::app {
namespace {

constexpr std::string_view kMagic = "BWRECORD";

void AppendLittleEndian(std::string& out, uint64_t value, int bytes) {
  for (int i = 0; i < bytes; ++i) out += static_cast<char>(value >> (8 * i) & 0xff);
}

uint64_t ReadLittleEndian(std::string_view in) {
  uint64_t value = 0;
  for (size_t i = 0; i < in.size(); ++i) value |= static_cast<uint64_t>(static_cast<uint8_t>(in[i])) << (8 * i);
  return value;
}

// Of everything but the checksum itself: magic, version, length, payload.
std::string Checksum(std::string_view head, std::string_view payload) {
  XXH3_state_t state;
  XXH3_128bits_reset(&state);
  XXH3_128bits_update(&state, head.data(), head.size());
  XXH3_128bits_update(&state, payload.data(), payload.size());
  const XXH128_hash_t hash = XXH3_128bits_digest(&state);
  std::string out;
  AppendLittleEndian(out, hash.low64, 8);
  AppendLittleEndian(out, hash.high64, 8);
  return out;
}

constexpr size_t kVersionAt = 8;
constexpr size_t kLengthAt = 12;
constexpr size_t kChecksumAt = 20;

}  // namespace

DurableRecord::DurableRecord(service::Files& files, std::string directory, std::string name)
    : files_(files), directory_(std::move(directory)), name_(std::move(name)) {}

std::string DurableRecord::Path(std::string_view suffix) const {
  return absl::StrCat(directory_, "/", name_, std::string(suffix));
}

std::string DurableRecord::EncodeVersion(std::string_view payload, uint32_t version) {
  std::string file(kMagic);
  AppendLittleEndian(file, version, 4);
  AppendLittleEndian(file, payload.size(), 8);
  file += Checksum(file, payload);
  file += payload;
  return file;
}

absl::StatusOr<std::string> DurableRecord::Decode(std::string_view file) {
  if (file.size() < kHeaderBytes) {
    return absl::DataLossError(
        absl::StrCat("cut short: ", file.size(), " bytes, a record has at least ", kHeaderBytes));
  }
  if (!file.starts_with(kMagic)) return absl::DataLossError("no record: it doesn't begin with BWRECORD");
  const uint64_t version = ReadLittleEndian(file.substr(kVersionAt, 4));
  const uint64_t length = ReadLittleEndian(file.substr(kLengthAt, 8));
  const std::string_view payload = file.substr(kHeaderBytes);
  if (length == payload.size() && file.substr(kChecksumAt, 16) == Checksum(file.substr(0, kChecksumAt), payload)) {
    if (version > kVersion) {
      return absl::FailedPreconditionError(
          absl::StrCat("format version ", version, " is of a newer program; this one reads up to ", kVersion));
    }
    return std::string(payload);
  }
  if (length != payload.size()) {
    return absl::DataLossError(absl::StrCat("its length is ", payload.size(), " bytes instead of ", length));
  }
  return absl::DataLossError("its checksum doesn't fit its contents");
}

absl::Status DurableRecord::Write(std::string_view payload) {
  if (payload.size() > kMaxPayload) {
    return absl::OutOfRangeError(absl::StrCat("a record of ", payload.size(), " bytes; the limit is ", kMaxPayload));
  }
  if (absl::Status s = files_.WriteAndSync(Path(".tmp"), Encode(payload)); !s.ok()) {
    (void)files_.Remove(Path(".tmp"));
    return s;
  }
  // Between the two renames there is no NAME; Read then takes NAME.1. In whichever order they reach the disk, one of the
  // two records is whole.
  if (absl::Status s = files_.Rename(Path(), Path(".1")); !s.ok() && !absl::IsNotFound(s)) return s;
  if (absl::Status s = files_.Rename(Path(".tmp"), Path()); !s.ok()) return s;
  return files_.SyncDirectory(directory_);
}

DurableRecord::ReadResult DurableRecord::Read(const std::function<absl::Status(std::string_view)>& accept) {
  ReadResult result;
  for (const std::string_view suffix : {"", ".1"}) {
    const std::string path = Path(suffix);
    const absl::StatusOr<std::string> file = files_.Read(path, kMaxPayload + kHeaderBytes);
    if (absl::IsNotFound(file.status())) continue;
    if (!file.ok()) {
      result.problems.push_back(file.status());
      continue;
    }
    absl::StatusOr<std::string> payload = Decode(*file);
    if (payload.ok() && accept) {
      if (absl::Status s = accept(*payload); !s.ok()) payload = s;
    }
    if (payload.ok()) {
      result.payload = *std::move(payload);
      result.from_previous = !suffix.empty();
      return result;
    }
    const bool newer = absl::IsFailedPrecondition(payload.status());
    const std::string aside = Path(newer ? ".newer" : ".damaged");
    const bool moved = files_.Rename(path, aside).ok();
    result.problems.push_back(
        absl::Status(payload.status().code(), absl::StrCat(path, ": ", std::string(payload.status().message()),
                                                           moved ? absl::StrCat("; kept as ", aside) : "")));
  }
  return result;
}

}  // namespace breakwater::app
