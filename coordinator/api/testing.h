// A backend for tests: remembers what it was asked and answers what it was told to.
#ifndef BREAKWATER_COORDINATOR_API_TESTING_H_
#define BREAKWATER_COORDINATOR_API_TESTING_H_

#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "coordinator/api/backend.h"

namespace breakwater::api {

class FakeBackend : public Backend {
 public:
  void Ask(Request request, std::string actor, Done done) override {
    std::lock_guard lock(mutex_);
    asked_.emplace_back(std::move(request), std::move(actor));
    done(answer_);
  }

  void AnswerWith(Answer answer) {
    std::lock_guard lock(mutex_);
    answer_ = std::move(answer);
  }
  size_t asked() const {
    std::lock_guard lock(mutex_);
    return asked_.size();
  }
  std::pair<Request, std::string> last() const {
    std::lock_guard lock(mutex_);
    return asked_.back();
  }

 private:
  mutable std::mutex mutex_;
  Answer answer_ = std::make_shared<const v1::OverviewView>();
  std::vector<std::pair<Request, std::string>> asked_;
};

}  // namespace breakwater::api

#endif  // BREAKWATER_COORDINATOR_API_TESTING_H_
