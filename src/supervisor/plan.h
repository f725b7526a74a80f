/* What a configured service needs opened before it starts: fixed-size records that the plan process
 * writes and the supervisor reads. Knows no service and no configuration. */
#ifndef SUPERVISOR_PLAN_H
#define SUPERVISOR_PLAN_H

#include "base/err.h"
#include "proto/ip/address.h"

#define PLAN_RECORDS_MAX 1024
#define PLAN_NAME_MAX	 32
#define PLAN_PATH_MAX	 108 /* sun_path */

enum plan_kind {
	PLAN_SERVICE = 1, /* start this service */
	PLAN_UDP,	  /* a bound UDP socket, passed as name */
	PLAN_TCP,	  /* a listening TCP socket, passed as name */
	PLAN_UNIX,	  /* a listening unix socket at path, passed as name */
	/* What only root may open, and who holds it may use without a capability. */
	PLAN_PACKET, /* a packet socket of no link yet (os/packet.h), passed as name */
	PLAN_ICMP,   /* a raw ICMP socket (os/icmp.h), passed as name */
	PLAN_ICMP6,  /* a raw ICMPv6 socket, passed as name */
	PLAN_STATE,  /* the directory path is made for the service's user; nothing is passed */
	/* The same in a BPF file system (os/bpffs.h), which is mounted when there is none. Where
	 * that is not permitted the service starts without. */
	PLAN_BPF,
};

/* Bits of plan_record.flags. */
enum {
	PLAN_BROADCAST = 1 << 0, /* PLAN_UDP: may send to broadcast addresses */
};

#define PLAN_OWNER_SELF UINT32_MAX /* the supervisor's own user */
#define PLAN_GROUP_SERVICES                                                                        \
	(UINT32_MAX - 1) /* PLAN_UNIX: what services say to each other; the plan                   \
			  * process puts the group that they run as there */

/* One record, written as it lies: reader and writer are one binary. */
struct plan_record {
	uint32_t magic; /* PLAN_MAGIC */
	uint8_t kind;	/* enum plan_kind */
	uint8_t copies; /* descriptors. PLAN_UDP, PLAN_TCP: as many share the port (SO_REUSEPORT),
			 * 1..; others 1; PLAN_STATE, PLAN_BPF 0 */
	uint8_t flags;
	uint8_t reserved;
	char service[PLAN_NAME_MAX]; /* NUL-terminated */
	/* Sockets: as in LISTEN_FDNAMES, `udp`, `tcp`, `control`. PLAN_SERVICE: the user to run as,
	 * "-" for the supervisor's own. */
	char name[PLAN_NAME_MAX];
	char path[PLAN_PATH_MAX]; /* PLAN_UNIX, PLAN_STATE, PLAN_BPF */
	uint32_t uid, gid; /* PLAN_STATE, PLAN_BPF: the owner, or both PLAN_OWNER_SELF; PLAN_UNIX:
			    * gid, who may connect beside the supervisor's user */
	struct ip_endpoint endpoint; /* PLAN_UDP, PLAN_TCP */
};

#define PLAN_MAGIC 0x67687031u /* "ghp1" */

struct plan {
	struct plan_record *records; /* PLAN_RECORDS_MAX of them */
	size_t n;
};

/* ERR_LIMIT when the plan is full; EINVAL for a name that does not fit. */
/* user NULL: the supervisor's own. */
MUST enum err plan_add_service(struct plan *p, const char *service, const char *user);
MUST enum err plan_add_socket(struct plan *p, const char *service, enum plan_kind kind,
			      const struct ip_endpoint *endpoint, unsigned copies);
/* As plan_add_socket with PLAN_UDP and one copy, under a name of its own. flags: PLAN_BROADCAST. */
MUST enum err plan_add_udp(struct plan *p, const char *service, const char *name,
			   const struct ip_endpoint *endpoint, unsigned flags);
MUST enum err plan_add_unix(struct plan *p, const char *service, const char *name, const char *path,
			    uint32_t gid);
/* kind: PLAN_PACKET, PLAN_ICMP or PLAN_ICMP6. Those of one service have different names. */
MUST enum err plan_add_raw(struct plan *p, const char *service, enum plan_kind kind,
			   const char *name);
/* kind: PLAN_STATE or PLAN_BPF. */
MUST enum err plan_add_folder(struct plan *p, const char *service, enum plan_kind kind,
			      const char *path, uint32_t uid, uint32_t gid);

/* ERR_FORMAT for a record that no plan process writes. */
MUST enum err plan_record_check(const struct plan_record *r);

/* The same thing: no member differs but the gid of a PLAN_UNIX, which is set anew on its file. */
bool plan_record_same(const struct plan_record *a, const struct plan_record *b);

#endif
