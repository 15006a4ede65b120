/* Preloaded into a process: its wall clock runs as many nanoseconds ahead as the first eight bytes
   of the file FAKE_CLOCK say, from that very moment on. No header, so that any compiler will do. */
typedef struct { long tv_sec; long tv_nsec; } timespec;
extern long syscall(long number, ...);
extern char *getenv(const char *name);
extern int open(const char *path, int flags, ...);
extern void *mmap(void *at, unsigned long size, int protection, int flags, int fd, long offset);

#if defined(__aarch64__)
#define CLOCK_GETTIME 113
#else
#define CLOCK_GETTIME 228
#endif

static volatile long long *ahead;
static int sought;

static void seek(void) {
  const char *path = getenv("FAKE_CLOCK");
  int fd = path ? open(path, 0) : -1;
  void *place = fd < 0 ? (void *)-1 : mmap(0, 8, 1, 1, fd, 0);
  if (place != (void *)-1) ahead = place;
  sought = 1;
}

int clock_gettime(int clock, timespec *now) {
  int failed = syscall(CLOCK_GETTIME, clock, now);
  if (!sought) seek();
  if (!failed && ahead && (clock == 0 || clock == 5)) { /* REALTIME, REALTIME_COARSE */
    long long sum = now->tv_nsec + *ahead % 1000000000 + 1000000000;
    now->tv_sec += *ahead / 1000000000 + sum / 1000000000 - 1;
    now->tv_nsec = sum % 1000000000;
  }
  return failed;
}

int gettimeofday(timespec *now, void *zone) {
  int failed = clock_gettime(0, now);
  now->tv_nsec /= 1000;
  return failed;
}

long time(long *out) {
  timespec now;
  clock_gettime(0, &now);
  if (out) *out = now.tv_sec;
  return now.tv_sec;
}
