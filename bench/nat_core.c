#include "bench/nat_core.h"

#include <fcntl.h>
#include <sched.h>
#include <unistd.h>

enum { KERNEL_PIDS = 1000 }; /* kernel threads are among the first */

uint64_t core_ns(clockid_t clock)
{
	struct timespec t;
	(void)clock_gettime(clock, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

/* The core that pid, a ksoftirqd, serves; -1: it is none. */
static int softirqd_core(int pid)
{
	char path[64], name[32];
	int core = -1;
	(void)snprintf(path, sizeof(path), "/proc/%d/comm", pid);
	FILE *f = fopen(path, "re");
	if (f != NULL) {
		if (fgets(name, sizeof(name), f) != NULL &&
		    sscanf(name, "ksoftirqd/%d", &core) != 1) {
			core = -1;
		}
		(void)fclose(f);
	}
	return core;
}

bool core_take(struct core *ret)
{
	struct sched_param first = {.sched_priority = 1};
	if (sched_setscheduler(0, SCHED_FIFO, &first) != 0) {
		return false;
	}
	int core = sched_getcpu();
	for (int pid = 2; pid < KERNEL_PIDS; pid++) {
		if (softirqd_core(pid) == core) {
			char path[64];
			(void)snprintf(path, sizeof(path), "/proc/%d/schedstat", pid);
			ret->softirqd = fopen(path, "re");
			return ret->softirqd != NULL &&
			       setvbuf(ret->softirqd, NULL, _IONBF, 0) == 0;
		}
	}
	return false;
}

struct core_spent core_spent(const struct core *core)
{
	unsigned long long ns = 0;
	rewind(core->softirqd);
	if (fscanf(core->softirqd, "%llu", &ns) != 1) {
		ns = 0;
	}
	return (struct core_spent){
		.cpu_ns = core_ns(CLOCK_PROCESS_CPUTIME_ID),
		.softirqd_ns = ns,
		.wall_ns = core_ns(CLOCK_MONOTONIC),
	};
}

void core_show(const struct core *core, struct core_spent since, uint64_t others_ns)
{
	struct core_spent now = core_spent(core);
	uint64_t softirqd_ns = now.softirqd_ns - since.softirqd_ns;
	printf("cpu_ns %llu\n",
	       (unsigned long long)(now.cpu_ns - since.cpu_ns + softirqd_ns + others_ns));
	printf("softirqd_ns %llu\n", (unsigned long long)softirqd_ns);
	printf("wall_ns %llu\n", (unsigned long long)(now.wall_ns - since.wall_ns));
}

bool core_enter(const char *netns)
{
	char path[128];
	(void)snprintf(path, sizeof(path), "/run/netns/%s", netns);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	bool entered = fd >= 0 && setns(fd, CLONE_NEWNET) == 0;
	if (fd >= 0) {
		(void)close(fd);
	}
	return entered;
}
