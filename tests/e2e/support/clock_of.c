/* Gives a program another clock: the first number in the file of CLOCK_AHEAD is by how many seconds its wall clock is ahead of the
 * machine's, the second by how many its clock since boot is. Time that is waited for stays the machine's. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

int clock_gettime(clockid_t id, struct timespec *time) {
  long told = syscall(SYS_clock_gettime, id, time);
  if (told != 0 || (id != CLOCK_REALTIME && id != CLOCK_REALTIME_COARSE && id != CLOCK_BOOTTIME))
    return (int)told;
  const char *path = getenv("CLOCK_AHEAD");
  int kept = errno;
  int file = path ? (int)syscall(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC) : -1;
  if (file >= 0) {
    char text[64] = {0}, *end;
    if (syscall(SYS_read, file, text, sizeof text - 1) > 0) {
      long long wall = strtoll(text, &end, 10), boot = strtoll(end, NULL, 10);
      time->tv_sec += id == CLOCK_BOOTTIME ? boot : wall;
    }
    syscall(SYS_close, file);
  }
  errno = kept;
  return 0;
}
