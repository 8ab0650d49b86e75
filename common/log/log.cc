#include "common/log/log.h"

#include <unistd.h>

#include <atomic>
#include <condition_variable>
#include <cstdio>
#include <memory>
#include <mutex>
#include <utility>

#include "absl/time/clock.h"
#include "spdlog/async_logger.h"
#include "spdlog/details/thread_pool.h"
#include "spdlog/sinks/base_sink.h"

namespace breakwater::log {
namespace {

constexpr size_t kQueueLines = 8192;

// Hands each finished line to one place.
class LineSink : public spdlog::sinks::base_sink<std::mutex> {
 public:
  explicit LineSink(std::function<void(std::string_view)> function) : sink_(std::move(function)) {}

 protected:
  void sink_it_(const spdlog::details::log_msg& msg) override {
    const std::string_view line(msg.payload.data(), msg.payload.size());
    if (sink_) {
      sink_(line);
      return;
    }
    std::fwrite(line.data(), 1, line.size(), stderr);
    std::fputc('\n', stderr);
  }
  void flush_() override {
    if (!sink_) std::fflush(stderr);
    std::lock_guard lock(flush_mutex_);
    ++flushes_;
    flushed_.notify_all();
  }

 public:
  uint64_t flushes() {
    std::lock_guard lock(flush_mutex_);
    return flushes_;
  }
  // Until there were more than that many.
  bool WaitForFlush(uint64_t than, absl::Duration limit) {
    std::unique_lock lock(flush_mutex_);
    return flushed_.wait_for(lock, absl::ToChronoMilliseconds(limit), [&] { return flushes_ > than; });
  }

 private:
  std::function<void(std::string_view)> sink_;
  std::mutex flush_mutex_;
  std::condition_variable flushed_;
  uint64_t flushes_ = 0;
};

// One configuration. Destroying it writes what waits, because the thread pool empties its queue before it ends.
struct Output {
  Format format = Format::kLogfmt;
  std::shared_ptr<LineSink> sink;
  std::shared_ptr<spdlog::details::thread_pool> pool;
  std::shared_ptr<spdlog::async_logger> logger;

  Output(Format f, std::function<void(std::string_view)> function)
      : format(f),
        sink(std::make_shared<LineSink>(std::move(function))),
        pool(std::make_shared<spdlog::details::thread_pool>(kQueueLines, 1)),
        logger(
            std::make_shared<spdlog::async_logger>("log", sink, pool, spdlog::async_overflow_policy::overrun_oldest)) {
    logger->set_level(spdlog::level::trace);  // levels are decided before a line is formatted
    logger->set_error_handler([](const std::string&) {});
  }

  // A flush is a message in the queue behind all lines written before.
  bool Flush(absl::Duration limit) {
    const uint64_t before = sink->flushes();
    logger->flush();
    return sink->WaitForFlush(before, limit);
  }
};

struct State {
  std::mutex mutex;
  std::shared_ptr<Output> output;
  uint64_t dropped_before = 0;  // by outputs that are gone
  std::atomic<Level> level{Level::kWarning};
};

State& GlobalState() {
  static State* state = new State;  // never destroyed: threads may log while the process ends
  return *state;
}

std::shared_ptr<Output> CurrentOutput() {
  State& state = GlobalState();
  std::lock_guard lock(state.mutex);
  if (!state.output) state.output = std::make_shared<Output>(Format::kLogfmt, nullptr);
  return state.output;
}

}  // namespace

std::string_view LevelName(Level level) {
  switch (level) {
    case Level::kDebug:
      return "debug";
    case Level::kInfo:
      return "info";
    case Level::kWarning:
      return "warning";
    case Level::kError:
      return "error";
  }
  return "unknown";
}

std::optional<Level> LevelFromName(std::string_view name) {
  for (const Level level : {Level::kDebug, Level::kInfo, Level::kWarning, Level::kError}) {
    if (name == LevelName(level)) return level;
  }
  return std::nullopt;
}

std::optional<Format> FormatFromName(std::string_view name) {
  if (name == "auto") return Format::kAuto;
  if (name == "json") return Format::kJson;
  if (name == "logfmt") return Format::kLogfmt;
  return std::nullopt;
}

void Configure(Options options) {
  Format format = options.format;
  if (format == Format::kAuto) format = !options.sink && isatty(STDERR_FILENO) ? Format::kLogfmt : Format::kJson;
  auto output = std::make_shared<Output>(format, std::move(options.sink));
  State& state = GlobalState();
  state.level = options.level;
  std::shared_ptr<Output> old;
  {
    std::lock_guard lock(state.mutex);
    if (state.output) state.dropped_before += state.output->pool->overrun_counter();
    old = std::exchange(state.output, std::move(output));
  }
  // old ends here, outside the lock.
}

void SetLevel(Level level) { GlobalState().level = level; }

Level CurrentLevel() { return GlobalState().level; }

bool Flush(absl::Duration limit) {
  std::shared_ptr<Output> output;
  {
    State& state = GlobalState();
    std::lock_guard lock(state.mutex);
    output = state.output;
  }
  return !output || output->Flush(limit);
}

uint64_t DroppedLines() {
  State& state = GlobalState();
  std::lock_guard lock(state.mutex);
  return state.dropped_before + (state.output ? state.output->pool->overrun_counter() : 0);
}

void Logger::Write(Level level, std::string_view event, std::string_view msg, const std::vector<Field>& fields) const {
  if (level < CurrentLevel()) return;
  const std::shared_ptr<Output> output = CurrentOutput();
  const std::string line = FormatLine(output->format, absl::Now(), level, component_, event, msg, fields);
  output->logger->log(spdlog::level::info, spdlog::string_view_t(line.data(), line.size()));
}

void Logger::Debug(std::string_view event, std::string_view msg, Fields fields) const {
  Write(Level::kDebug, event, msg, fields);
}
void Logger::Info(std::string_view event, std::string_view msg, Fields fields) const {
  Write(Level::kInfo, event, msg, fields);
}
void Logger::Warning(std::string_view event, std::string_view msg, Fields fields) const {
  Write(Level::kWarning, event, msg, fields);
}
void Logger::Error(std::string_view event, std::string_view msg, Fields fields) const {
  Write(Level::kError, event, msg, fields);
}

}  // namespace breakwater::log
