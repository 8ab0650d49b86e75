// Certificates for tests, made in memory: a CA, and what it issued.
//
//   const TestCa ca;
//   const tls::Material edge = ca.Issue({.uri = "breakwater://edge/eu/ams-1"});
//   const tls::Material server = ca.Issue({.dns = "localhost", .ip = "127.0.0.1"});
//   const tls::Files files = WriteFiles(edge, directory);      // ca.pem, NAME.pem, NAME.key
#ifndef BREAKWATER_COMMON_TLS_TESTING_H_
#define BREAKWATER_COMMON_TLS_TESTING_H_

#include <memory>
#include <string>

#include "absl/time/time.h"
#include "common/tls/credentials.h"

namespace breakwater::tls {

struct TestSubject {
  std::string uri;  // of the subjectAltName, as the next two; empty = none
  std::string dns;
  std::string ip;
  absl::Duration valid = absl::Hours(1);  // from an hour ago on; negative: expired
};

class TestCa {
 public:
  TestCa();
  ~TestCa();
  Material Issue(const TestSubject& subject) const;

 private:
  struct Keys;
  std::unique_ptr<Keys> keys_;
};

// Into an existing directory; the key with mode 0600.
Files WriteFiles(const Material& material, const std::string& directory, const std::string& name);

}  // namespace breakwater::tls

#endif  // BREAKWATER_COMMON_TLS_TESTING_H_
