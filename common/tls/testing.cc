#include "common/tls/testing.h"

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <sys/stat.h>

#include <cstdlib>
#include <fstream>
#include <iostream>

namespace breakwater::tls {
namespace {

struct Free {
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
  void operator()(X509* certificate) const { X509_free(certificate); }
  void operator()(BIO* bio) const { BIO_free(bio); }
  void operator()(X509_EXTENSION* extension) const { X509_EXTENSION_free(extension); }
};
using Key = std::unique_ptr<EVP_PKEY, Free>;
using Certificate = std::unique_ptr<X509, Free>;

void Must(bool done, const char* what) {
  if (done) return;
  std::cerr << "can't make a test certificate: " << what << "\n";
  std::abort();
}

template <typename F>
std::string Pem(F write) {
  const std::unique_ptr<BIO, Free> bio(BIO_new(BIO_s_mem()));
  Must(write(bio.get()) == 1, "PEM");
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &data);
  return {data, static_cast<size_t>(size)};
}

void Extend(X509* certificate, X509* issuer, int kind, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  const std::unique_ptr<X509_EXTENSION, Free> extension(X509V3_EXT_conf_nid(nullptr, &context, kind, value.c_str()));
  Must(extension != nullptr && X509_add_ext(certificate, extension.get(), -1) == 1, value.c_str());
}

Key NewKey() {
  Key key(EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "P-256"));
  Must(key != nullptr, "key");
  return key;
}

// Serial numbers only have to differ under one CA.
Certificate NewCertificate(EVP_PKEY* key, const char* name, absl::Duration valid) {
  static long serial = 1;
  Certificate certificate(X509_new());
  X509_set_version(certificate.get(), X509_VERSION_3);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate.get()), ++serial);
  X509_gmtime_adj(X509_getm_notBefore(certificate.get()), -7200);
  X509_gmtime_adj(X509_getm_notAfter(certificate.get()), absl::ToInt64Seconds(valid));
  X509_set_pubkey(certificate.get(), key);
  X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate.get()), "CN", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>(name), -1, -1, 0);
  return certificate;
}

}  // namespace

struct TestCa::Keys {
  Key key;
  Certificate certificate;
};

TestCa::TestCa() : keys_(std::make_unique<Keys>()) {
  keys_->key = NewKey();
  keys_->certificate = NewCertificate(keys_->key.get(), "Test CA", absl::Hours(1));
  X509* const ca = keys_->certificate.get();
  X509_set_issuer_name(ca, X509_get_subject_name(ca));
  Extend(ca, ca, NID_basic_constraints, "critical,CA:TRUE");
  Extend(ca, ca, NID_key_usage, "critical,keyCertSign,cRLSign");
  Must(X509_sign(ca, keys_->key.get(), EVP_sha256()) > 0, "signature of the CA");
}

TestCa::~TestCa() = default;

Material TestCa::Issue(const TestSubject& subject) const {
  const Key key = NewKey();
  const Certificate certificate = NewCertificate(key.get(), "Test", subject.valid);
  X509* const ca = keys_->certificate.get();
  X509_set_issuer_name(certificate.get(), X509_get_subject_name(ca));
  std::string names;
  for (const auto& [kind, value] : {std::pair("URI:", &subject.uri), {"DNS:", &subject.dns}, {"IP:", &subject.ip}}) {
    if (!value->empty()) names += (names.empty() ? "" : ",") + std::string(kind) + *value;
  }
  if (!names.empty()) Extend(certificate.get(), ca, NID_subject_alt_name, names);
  Must(X509_sign(certificate.get(), keys_->key.get(), EVP_sha256()) > 0, "signature");
  return {.ca = Pem([&](BIO* bio) { return PEM_write_bio_X509(bio, ca); }),
          .certificate = Pem([&](BIO* bio) { return PEM_write_bio_X509(bio, certificate.get()); }),
          .key = Pem([&](BIO* bio) {
            return PEM_write_bio_PrivateKey(bio, key.get(), nullptr, nullptr, 0, nullptr, nullptr);
          })};
}

Files WriteFiles(const Material& material, const std::string& directory, const std::string& name) {
  const Files files{.ca = directory + "/ca.pem",
                    .certificate = directory + "/" + name + ".pem",
                    .key = directory + "/" + name + ".key"};
  std::ofstream(files.ca) << material.ca;
  std::ofstream(files.certificate) << material.certificate;
  std::ofstream(files.key) << material.key;
  Must(::chmod(files.key.c_str(), S_IRUSR | S_IWUSR) == 0, files.key.c_str());
  return files;
}

}  // namespace breakwater::tls
