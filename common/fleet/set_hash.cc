#include "common/fleet/set_hash.h"

#include <openssl/sha.h>

#include <algorithm>

namespace breakwater::fleet {
namespace {

std::array<uint64_t, 4> Words(std::string_view rule_bytes) {
  std::array<uint8_t, SHA256_DIGEST_LENGTH> hash;
  SHA256(reinterpret_cast<const unsigned char*>(rule_bytes.data()), rule_bytes.size(), hash.data());
  std::array<uint64_t, 4> words{};
  for (size_t i = 0; i < hash.size(); ++i) words[3 - i / 8] = words[3 - i / 8] << 8 | hash[i];
  return words;
}

}  // namespace

void SetHash::Add(std::string_view rule_bytes) {
  const std::array<uint64_t, 4> add = Words(rule_bytes);
  uint64_t carry = 0;
  for (size_t i = 0; i < words_.size(); ++i) {
    const uint64_t sum = words_[i] + add[i];
    const uint64_t with_carry = sum + carry;
    carry = static_cast<uint64_t>(sum < add[i]) | static_cast<uint64_t>(with_carry < sum);
    words_[i] = with_carry;
  }
}

void SetHash::Remove(std::string_view rule_bytes) {
  const std::array<uint64_t, 4> take = Words(rule_bytes);
  uint64_t borrow = 0;
  for (size_t i = 0; i < words_.size(); ++i) {
    const uint64_t difference = words_[i] - take[i];
    const uint64_t with_borrow = difference - borrow;
    borrow = static_cast<uint64_t>(words_[i] < take[i]) | static_cast<uint64_t>(difference < borrow);
    words_[i] = with_borrow;
  }
}

std::string SetHash::bytes() const {
  if (words_ == decltype(words_){}) return {};
  std::string bytes;
  for (size_t i = words_.size(); i-- > 0;) {
    for (int shift = 56; shift >= 0; shift -= 8) bytes.push_back(static_cast<char>(words_[i] >> shift & 0xff));
  }
  return bytes;
}

}  // namespace breakwater::fleet
