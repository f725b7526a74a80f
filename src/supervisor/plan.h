/* What a configured service needs opened before it starts: fixed-size records that the plan process
 * writes and the supervisor reads. Knows no service and no configuration. */
#ifndef SUPERVISOR_PLAN_H
#define SUPERVISOR_PLAN_H

#include "base/err.h"
#include "proto/ip/address.h"

#define PLAN_RECORDS_MAX 8192
#define PLAN_NAME_MAX	 32
#define PLAN_PATH_MAX	 108 /* sun_path */
#define PLAN_MAPPED_MAX	 (16u << 20)

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
	/* A TUN device of several queues (os/tun.h), passed as name; path is the device's name.
	 * Opened, with all that follows, before the sockets of any service, which may be bound to
	 * its addresses. Where the kernel has none, the service starts without. */
	PLAN_TUN,
	/* What the device's link is: set anew by a reload, without another process. */
	PLAN_LINK,    /* up, with an MTU */
	PLAN_ADDRESS, /* an address of it, and the length of its network */
	PLAN_ROUTE,   /* a network that is routed to it */
	/* As PLAN_STATE, for much that the service can do without: another disk, mostly. Where it
	 * cannot be made the service starts without. */
	PLAN_FOLDER,
	/* As PLAN_FOLDER, below another service's directory: what one writes there and others
	 * read. Their sandboxes see into what is there when they are entered. */
	PLAN_SHARED,
	/* Nothing is opened and nothing passed: a reload by which it comes or goes starts the
	 * service anew, as it can get what it then needs at its start alone. */
	PLAN_ANEW,
	/* A small file at path, of `number` bytes, that outlives the process and is mapped by it,
	 * passed as name; where it cannot be had the service starts without. */
	PLAN_MAPPED,
};

/* Bits of plan_record.flags. */
enum {
	PLAN_BROADCAST = 1 << 0, /* PLAN_UDP: may send to broadcast addresses */
	PLAN_OPTIONAL = 1 << 1,	 /* PLAN_UNIX: the service starts without it, too */
	/* PLAN_TCP: the packet filter may lead connections to it that are for others (TPROXY) */
	PLAN_TRANSPARENT = 1 << 2,
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
			 * 1..; PLAN_TUN: queues, 1..; others 1; what passes nothing 0 */
	uint8_t flags;
	uint8_t reserved;
	char service[PLAN_NAME_MAX]; /* NUL-terminated */
	/* Sockets: as in LISTEN_FDNAMES, `udp`, `tcp`, `control`. PLAN_SERVICE: the user to run as,
	 * "-" for the supervisor's own. */
	char name[PLAN_NAME_MAX];
	char path[PLAN_PATH_MAX];    /* PLAN_UNIX, PLAN_MAPPED, folders; of TUN devices: the name */
	uint32_t uid, gid;	     /* of folders: the owner, or both PLAN_OWNER_SELF; PLAN_UNIX:
				      * gid, who may connect beside the supervisor's user */
	uint32_t number;	     /* PLAN_LINK: the MTU; PLAN_ADDRESS, PLAN_ROUTE: bits;
				      * PLAN_MAPPED: bytes */
	struct ip_endpoint endpoint; /* PLAN_UDP, PLAN_TCP; PLAN_ADDRESS, PLAN_ROUTE: port 0 */
};

#define PLAN_MAGIC 0x67687032u /* "ghp2" */

struct plan {
	struct plan_record *records; /* PLAN_RECORDS_MAX of them */
	size_t n;
};

/* ERR_LIMIT when the plan is full; EINVAL for a name that does not fit. */
/* user NULL: the supervisor's own. */
MUST enum err plan_add_service(struct plan *p, const char *service, const char *user);
MUST enum err plan_add_socket(struct plan *p, const char *service, enum plan_kind kind,
			      const struct ip_endpoint *endpoint, unsigned copies);
/* As plan_add_socket with PLAN_TCP. flags: PLAN_TRANSPARENT. */
MUST enum err plan_add_tcp(struct plan *p, const char *service, const struct ip_endpoint *endpoint,
			   unsigned copies, unsigned flags);
/* As plan_add_socket with PLAN_UDP and one copy, under a name of its own. flags: PLAN_BROADCAST. */
MUST enum err plan_add_udp(struct plan *p, const char *service, const char *name,
			   const struct ip_endpoint *endpoint, unsigned flags);
MUST enum err plan_add_unix(struct plan *p, const char *service, const char *name, const char *path,
			    uint32_t gid);
/* The same for the supervisor's own user, which the service can do without (PLAN_OPTIONAL). */
MUST enum err plan_add_unix_optional(struct plan *p, const char *service, const char *name,
				     const char *path);
/* kind: PLAN_PACKET, PLAN_ICMP or PLAN_ICMP6. Those of one service have different names. */
MUST enum err plan_add_raw(struct plan *p, const char *service, enum plan_kind kind,
			   const char *name);
/* kind: PLAN_STATE, PLAN_BPF, PLAN_FOLDER or PLAN_SHARED. */
MUST enum err plan_add_folder(struct plan *p, const char *service, enum plan_kind kind,
			      const char *path, uint32_t uid, uint32_t gid);

MUST enum err plan_add_mapped(struct plan *p, const char *service, const char *name,
			      const char *path, uint32_t size);
MUST enum err plan_add_anew(struct plan *p, const char *service, const char *name);

/* A TUN device, passed as name, and what its link is. */
MUST enum err plan_add_tun(struct plan *p, const char *service, const char *name,
			   const char *device, unsigned queues);
MUST enum err plan_add_link(struct plan *p, const char *service, const char *device, uint32_t mtu);
/* kind: PLAN_ADDRESS or PLAN_ROUTE. */
MUST enum err plan_add_to_link(struct plan *p, const char *service, enum plan_kind kind,
			       const char *device, const struct ip_address *address, uint8_t bits);

/* Whether it is a folder: nothing is passed but where it is. */
static inline bool plan_is_folder(const struct plan_record *r)
{
	return r->kind == PLAN_STATE || r->kind == PLAN_BPF || r->kind == PLAN_FOLDER ||
	       r->kind == PLAN_SHARED;
}

/* Whether it is of a link: nothing is passed, and another process needs not be started for it. */
static inline bool plan_is_of_link(const struct plan_record *r)
{
	return r->kind == PLAN_LINK || r->kind == PLAN_ADDRESS || r->kind == PLAN_ROUTE;
}

/* ERR_FORMAT for a record that no plan process writes. */
MUST enum err plan_record_check(const struct plan_record *r);

/* The same thing: no member differs but the gid of a PLAN_UNIX, which is set anew on its file. */
bool plan_record_same(const struct plan_record *a, const struct plan_record *b);

#endif
