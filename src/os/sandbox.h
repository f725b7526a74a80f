/* Takes away from this process what its work does not need: user, capabilities, view of the file
 *system, system calls. Knows the kernel's locks, not the services.
 *
 *	sandbox_enter_early(&s, &report)   before any text is parsed: private mount view, own user,
 *no capabilities but those kept, no new privileges sandbox_tighten(&s, &report)	   after
 *start-up and before worker threads: Landlock, seccomp
 *
 * A layer that this kernel or this user cannot have is left out and is missing in the report; a
 *layer that should work and fails is an error, and the process must not go on.
 */
#ifndef OS_SANDBOX_H
#define OS_SANDBOX_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum sandbox_profile {
	SANDBOX_PURE,	     /* reads files and writes to what is open: plan, check. No sockets */
	SANDBOX_NET_SERVICE, /* and IP and unix sockets, threads: authority, resolver, proxies */
	SANDBOX_NET_SERVICE_LINKS, /* and netlink, ioctl on tun and links: dhcp, nat, vpn */
};

enum sandbox_view {
	/* All that is mounted stays in sight, read-only, without devices or set-user-ID, except
	 * that write_paths are writable (and devices of the host's /dev keep working). */
	SANDBOX_VIEW_READ_ONLY,
	/* An empty tmpfs with only read_paths, write_paths and, for what libc loads late, /usr
	 * /lib* /etc/ld.so* /etc/nsswitch.conf /etc/passwd /etc/group /etc/localtime /dev/null
	 * /dev/urandom. */
	SANDBOX_VIEW_PATHS,
	SANDBOX_VIEW_AS_IS,
};

/* Bits of capabilities_keep. */
#define SANDBOX_CAP(n)		     (UINT64_C(1) << (n))
#define SANDBOX_CAP_NET_BIND_SERVICE SANDBOX_CAP(10)
#define SANDBOX_CAP_NET_ADMIN	     SANDBOX_CAP(12)
#define SANDBOX_CAP_NET_RAW	     SANDBOX_CAP(13)
#define SANDBOX_CAP_PERFMON	     SANDBOX_CAP(38)
#define SANDBOX_CAP_BPF		     SANDBOX_CAP(39)

#define SANDBOX_USER_DEFAULT "gatehouse"

struct sandbox {
	enum sandbox_profile profile;
	enum sandbox_view view;
	/* Name or number[:number] to become when we are root; NULL: stay. SANDBOX_USER_DEFAULT is
	 * `nobody` where no such user exists. */
	const char *user;
	uint64_t capabilities_keep;
	/* bpf(2): everything with SANDBOX_CAP_BPF kept; without it, when set, what takes a
	 * descriptor or a pin (tables, links, runs) and no loading. Else who calls it is killed. */
	bool uses_bpf;
	/* Files, and directories with all below; NULL-terminated, NULL: none. What is not there is
	 * passed over. Writing includes reading, making and removing. */
	const char *const *read_paths;
	const char *const *write_paths;
	/* System calls to allow beyond the profile's: SYS_… numbers. */
	const int *syscalls;
	size_t syscalls_len;
	/* TCP ports that may be bound and connected to (Landlock ABI 4); used when tcp_ports_limit.
	 */
	bool tcp_ports_limit;
	const uint16_t *tcp_bind_ports, *tcp_connect_ports;
	size_t tcp_bind_ports_len, tcp_connect_ports_len;
};

/* Layers, as bits of sandbox_report.layers. */
enum sandbox_layer {
	SANDBOX_LAYER_USER,	     /* runs as a user that is not root */
	SANDBOX_LAYER_CAPABILITIES,  /* has none but those kept */
	SANDBOX_LAYER_NO_PRIVILEGES, /* can gain none by exec */
	SANDBOX_LAYER_MOUNTS,	     /* has its own view of the file system */
	SANDBOX_LAYER_LANDLOCK,	     /* opens only the named paths */
	SANDBOX_LAYER_LANDLOCK_TCP,  /* TCP only on the named ports */
	SANDBOX_LAYER_SECCOMP,	     /* only the system calls of its profile */
	SANDBOX_LAYERS,
};

/* Begin with zeros; both steps fill it. */
struct sandbox_report {
	uint32_t layers; /* 1 << enum sandbox_layer */
	uint32_t uid, gid;
	uint64_t capabilities; /* effective after the step */
	int landlock_abi;      /* 0: the kernel has none */
};

static inline bool sandbox_report_has(const struct sandbox_report *report, enum sandbox_layer layer)
{
	return (report->layers & 1U << layer) != 0;
}

/* A word for the status page: "user", "capabilities", … */
const char *sandbox_layer_name(enum sandbox_layer layer);

/* Whom to run as: user, unless that is the default one and he may not read path (a file in a folder
 * that only root sees, where somebody tries things): then "0", root's number without root's
 * capabilities. To be asked while we are still root; for others it is user. */
const char *sandbox_user_for(const char *user, const char *path);

struct user;
/* As user_find (os/user.h), and `nobody` for the default user where no such user exists. */
MUST enum err sandbox_user_find(const char *name, struct user *ret);

/* ERR_ABSENT: no such user. Must run while the process has one thread. */
MUST enum err sandbox_enter_early(const struct sandbox *sandbox, struct sandbox_report *report);
MUST enum err sandbox_tighten(const struct sandbox *sandbox, struct sandbox_report *report);

#endif
