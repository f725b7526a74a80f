#include "supervisor/plan.h"

#include <string.h>

static bool name_fits(const char *name, size_t size)
{
	size_t n = strlen(name);
	return n > 0 && n < size;
}

/* A fresh record at the end of p, for a service; NULL when the plan is full or the name does not
 * fit. */
static enum err plan_add(struct plan *p, enum plan_kind kind, const char *service, const char *name,
			 struct plan_record **ret)
{
	if (!name_fits(service, PLAN_NAME_MAX) || !name_fits(name, PLAN_NAME_MAX))
		return (enum err)EINVAL;
	if (p->n == PLAN_RECORDS_MAX)
		return ERR_LIMIT;
	struct plan_record *r = &p->records[p->n++];
	memset(r, 0, sizeof(*r));
	r->magic = PLAN_MAGIC;
	r->kind = (uint8_t)kind;
	r->copies = 1;
	memcpy(r->service, service, strlen(service));
	memcpy(r->name, name, strlen(name));
	*ret = r;
	return OK;
}

enum err plan_add_service(struct plan *p, const char *service, const char *user)
{
	struct plan_record *r;
	return plan_add(p, PLAN_SERVICE, service, user ? user : "-", &r);
}

static enum err add_port(struct plan *p, const char *service, enum plan_kind kind, const char *name,
			 const struct ip_endpoint *endpoint, unsigned copies)
{
	struct plan_record *r;
	ASSERT(kind == PLAN_UDP || kind == PLAN_TCP);
	if (copies < 1 || copies > UINT8_MAX)
		return (enum err)EINVAL;
	TRY(plan_add(p, kind, service, name, &r));
	r->endpoint = *endpoint;
	r->copies = (uint8_t)copies;
	return OK;
}

enum err plan_add_socket(struct plan *p, const char *service, enum plan_kind kind,
			 const struct ip_endpoint *endpoint, unsigned copies)
{
	return add_port(p, service, kind, kind == PLAN_UDP ? "udp" : "tcp", endpoint, copies);
}

enum err plan_add_tcp(struct plan *p, const char *service, const struct ip_endpoint *endpoint,
		      unsigned copies, unsigned flags)
{
	ASSERT((flags & ~(unsigned)PLAN_TRANSPARENT) == 0);
	TRY(plan_add_socket(p, service, PLAN_TCP, endpoint, copies));
	p->records[p->n - 1].flags = (uint8_t)flags;
	return OK;
}

enum err plan_add_udp(struct plan *p, const char *service, const char *name,
		      const struct ip_endpoint *endpoint, unsigned flags)
{
	struct plan_record *r;
	ASSERT((flags & ~(unsigned)PLAN_BROADCAST) == 0);
	TRY(plan_add(p, PLAN_UDP, service, name, &r));
	r->endpoint = *endpoint;
	r->flags = (uint8_t)flags;
	return OK;
}

enum err plan_add_raw(struct plan *p, const char *service, enum plan_kind kind, const char *name)
{
	struct plan_record *r;
	ASSERT(kind == PLAN_PACKET || kind == PLAN_ICMP || kind == PLAN_ICMP6);
	return plan_add(p, kind, service, name, &r);
}

enum err plan_add_folder(struct plan *p, const char *service, enum plan_kind kind, const char *path,
			 uint32_t uid, uint32_t gid)
{
	struct plan_record *r;
	ASSERT(kind == PLAN_STATE || kind == PLAN_BPF || kind == PLAN_FOLDER ||
	       kind == PLAN_SHARED);
	const char *name = kind == PLAN_STATE	 ? "state"
			   : kind == PLAN_BPF	 ? "bpf"
			   : kind == PLAN_FOLDER ? "folder"
						 : "shared";
	if (!name_fits(path, PLAN_PATH_MAX) || path[0] != '/')
		return (enum err)EINVAL;
	TRY(plan_add(p, kind, service, name, &r));
	memcpy(r->path, path, strlen(path));
	r->copies = 0;
	r->uid = uid;
	r->gid = gid;
	return OK;
}

enum err plan_add_mapped(struct plan *p, const char *service, const char *name, const char *path,
			 uint32_t size)
{
	struct plan_record *r;
	if (!name_fits(path, PLAN_PATH_MAX) || size == 0)
		return (enum err)EINVAL;
	TRY(plan_add(p, PLAN_MAPPED, service, name, &r));
	memcpy(r->path, path, strlen(path));
	r->number = size;
	return OK;
}

enum err plan_add_anew(struct plan *p, const char *service, const char *name)
{
	struct plan_record *r;
	TRY(plan_add(p, PLAN_ANEW, service, name, &r));
	r->copies = 0;
	return OK;
}

enum err plan_add_unix(struct plan *p, const char *service, const char *name, const char *path,
		       uint32_t gid)
{
	struct plan_record *r;
	if (!name_fits(path, PLAN_PATH_MAX))
		return (enum err)EINVAL;
	TRY(plan_add(p, PLAN_UNIX, service, name, &r));
	memcpy(r->path, path, strlen(path));
	r->gid = gid;
	return OK;
}

enum err plan_add_unix_optional(struct plan *p, const char *service, const char *name,
				const char *path)
{
	TRY(plan_add_unix(p, service, name, path, PLAN_OWNER_SELF));
	p->records[p->n - 1].flags = PLAN_OPTIONAL;
	return OK;
}

/* --- TUN devices --- */

enum { DEVICE_NAME_MAX = 16 }; /* IFNAMSIZ */

static enum err device_add(struct plan *p, const char *service, enum plan_kind kind,
			   const char *name, const char *device, struct plan_record **ret)
{
	if (!name_fits(device, DEVICE_NAME_MAX))
		return (enum err)EINVAL;
	TRY(plan_add(p, kind, service, name, ret));
	memcpy((*ret)->path, device, strlen(device));
	(*ret)->copies = 0;
	return OK;
}

enum err plan_add_tun(struct plan *p, const char *service, const char *name, const char *device,
		      unsigned queues)
{
	struct plan_record *r;
	if (queues < 1 || queues > UINT8_MAX)
		return (enum err)EINVAL;
	TRY(device_add(p, service, PLAN_TUN, name, device, &r));
	r->copies = (uint8_t)queues;
	return OK;
}

enum err plan_add_link(struct plan *p, const char *service, const char *device, uint32_t mtu)
{
	struct plan_record *r;
	TRY(device_add(p, service, PLAN_LINK, "link", device, &r));
	r->number = mtu;
	return OK;
}

enum err plan_add_to_link(struct plan *p, const char *service, enum plan_kind kind,
			  const char *device, const struct ip_address *address, uint8_t bits)
{
	struct plan_record *r;
	ASSERT(kind == PLAN_ADDRESS || kind == PLAN_ROUTE);
	TRY(device_add(p, service, kind, kind == PLAN_ADDRESS ? "address" : "route", device, &r));
	r->endpoint.address = *address;
	r->number = bits;
	return OK;
}

/* --- what is read --- */

static bool terminated(const char *text, size_t size)
{
	return text[0] != '\0' && memchr(text, '\0', size) != NULL;
}

static bool ports_are_right(const struct plan_record *r)
{
	unsigned flags = r->kind == PLAN_UDP ? PLAN_BROADCAST : PLAN_TRANSPARENT;
	return r->copies > 0 &&
	       (r->endpoint.address.family == 4 || r->endpoint.address.family == 6) &&
	       (r->flags & ~flags) == 0;
}

static bool folder_is_right(const struct plan_record *r)
{
	return r->copies == 0 && terminated(r->path, sizeof(r->path)) && r->path[0] == '/' &&
	       (r->uid == PLAN_OWNER_SELF) == (r->gid == PLAN_OWNER_SELF);
}

static bool mapped_is_right(const struct plan_record *r)
{
	return r->copies == 1 && terminated(r->path, sizeof(r->path)) && r->number > 0 &&
	       r->number <= PLAN_MAPPED_MAX;
}

static bool device_is_right(const struct plan_record *r)
{
	return terminated(r->path, sizeof(r->path)) && strlen(r->path) < DEVICE_NAME_MAX &&
	       (r->kind == PLAN_TUN) == (r->copies > 0);
}

static bool link_is_right(const struct plan_record *r)
{
	size_t len = ip_address_len(&r->endpoint.address);
	if (r->kind == PLAN_LINK)
		return device_is_right(r) && r->number > 0 && r->number <= UINT16_MAX;
	return device_is_right(r) && len && r->number <= len * 8 && r->endpoint.port == 0;
}

enum err plan_record_check(const struct plan_record *r)
{
	if (r->magic != PLAN_MAGIC || !terminated(r->service, sizeof(r->service)) ||
	    !terminated(r->name, sizeof(r->name)))
		return ERR_FORMAT;
	switch (r->kind) {
	case PLAN_SERVICE: return OK;
	case PLAN_UDP:
	case PLAN_TCP: return ports_are_right(r) ? OK : ERR_FORMAT;
	case PLAN_UNIX:
		return r->copies == 1 && terminated(r->path, sizeof(r->path)) ? OK : ERR_FORMAT;
	case PLAN_MAPPED: return mapped_is_right(r) ? OK : ERR_FORMAT;
	case PLAN_PACKET:
	case PLAN_ICMP:
	case PLAN_ICMP6: return r->copies == 1 ? OK : ERR_FORMAT;
	case PLAN_STATE:
	case PLAN_BPF:
	case PLAN_SHARED:
	case PLAN_FOLDER: return folder_is_right(r) ? OK : ERR_FORMAT;
	case PLAN_ANEW: return r->copies == 0 ? OK : ERR_FORMAT;
	case PLAN_TUN: return device_is_right(r) ? OK : ERR_FORMAT;
	case PLAN_LINK:
	case PLAN_ADDRESS:
	case PLAN_ROUTE: return link_is_right(r) ? OK : ERR_FORMAT;
	default: return ERR_FORMAT;
	}
}

bool plan_record_same(const struct plan_record *a, const struct plan_record *b)
{
	return a->kind == b->kind && strcmp(a->service, b->service) == 0 &&
	       strcmp(a->name, b->name) == 0 && strcmp(a->path, b->path) == 0 &&
	       a->copies == b->copies && a->flags == b->flags && a->uid == b->uid &&
	       a->number == b->number && (a->kind == PLAN_UNIX || a->gid == b->gid) &&
	       a->endpoint.port == b->endpoint.port && a->endpoint.scope == b->endpoint.scope &&
	       a->endpoint.address.family == b->endpoint.address.family &&
	       memcmp(a->endpoint.address.bytes, b->endpoint.address.bytes,
		      sizeof(a->endpoint.address.bytes)) == 0;
}
