#include "supervisor/sockets.h"

#include "os/bpffs.h"
#include "os/fd.h"
#include "os/file.h"
#include "os/icmp.h"
#include "os/log.h"
#include "os/packet.h"
#include "os/shared_file.h"
#include "os/state_dir.h"
#include "os/tcp.h"
#include "os/udp.h"
#include "os/unix.h"
#include "supervisor/devices.h"

#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { TCP_BACKLOG = 1024 };

static enum err unix_open(const struct plan_record *r, int *ret)
{
	AUTO_DONE(fd_done) int fd = -1;
	char folder[PLAN_PATH_MAX];
	(void)snprintf(folder, sizeof(folder), "%s", r->path);
	TRY(dir_ensure(dirname(folder), 0755));
	TRY(unix_listen(r->path, 0660, &fd));
	enum err e = r->gid == PLAN_OWNER_SELF ? OK : unix_set_group(r->path, r->gid);
	if (e) {
		(void)unlink(r->path); /* nobody listens there */
		return e;
	}
	*ret = fd_take(&fd);
	return OK;
}

/* absent: of an address that would be a device's, which this machine does not give. */
static enum err one_open(const struct plan_record *r, bool shared, bool absent, int *ret)
{
	unsigned udp_flags = (shared ? UDP_REUSEPORT : 0U) |
			     (r->flags & PLAN_BROADCAST ? UDP_BROADCAST : 0U) |
			     (absent ? UDP_FREEBIND : 0U);
	unsigned tcp_flags = (shared ? TCP_REUSEPORT : 0U) | (absent ? TCP_FREEBIND : 0U) |
			     (r->flags & PLAN_TRANSPARENT ? TCP_TRANSPARENT : 0U);
	switch (r->kind) {
	case PLAN_UDP: return udp_open(&r->endpoint, udp_flags, ret);
	case PLAN_TCP: return tcp_listen(&r->endpoint, tcp_flags, TCP_BACKLOG, ret);
	case PLAN_UNIX: return unix_open(r, ret);
	case PLAN_PACKET: return packet_open(ret);
	case PLAN_ICMP: return icmp_open(4, ret);
	case PLAN_ICMP6: return icmp_open(6, ret);
	default: return ERR_FORMAT;
	}
}

static bool has_port(const struct plan_record *r)
{
	return r->kind == PLAN_UDP || r->kind == PLAN_TCP;
}

/* Sockets share their port, so that a reload may change how many there are. A second server on the
 * same port must be an error that somebody reads all the same: so the port is tried unshared first,
 * unless it is known to be ours. */
static enum err port_try(const struct plan_record *r, bool absent)
{
	AUTO_DONE(fd_done) int fd = -1;
	return has_port(r) ? one_open(r, false, absent, &fd) : OK;
}

/* What cannot be opened, why, and what people mostly do about it. */
static void open_error(const struct plan_record *r, enum err e)
{
	if (r->kind == PLAN_UNIX) {
		log_error(e == ERR_EXISTS ? "somebody serves this control socket already; is "
					    "gatehouse running?"
					  : "the control socket cannot be opened; `global: {run: "
					    "FOLDER}` names another place",
			  LOG_TEXT("service", r->service), LOG_TEXT("path", r->path), LOG_ERR(e));
		return;
	}
	if (r->kind == PLAN_STATE) {
		log_error("the service's state directory cannot be made; `global: {state: FOLDER}` "
			  "names another place",
			  LOG_TEXT("service", r->service), LOG_TEXT("path", r->path), LOG_ERR(e));
		return;
	}
	if (!has_port(r)) {
		log_error(e == (enum err)EPERM
				  ? "the service needs a raw socket, and only root may "
				    "open one"
				  : "a raw socket cannot be opened",
			  LOG_TEXT("service", r->service), LOG_TEXT("name", r->name), LOG_ERR(e));
		return;
	}
	log_error(e == (enum err)EACCES && r->endpoint.port < 1024
			  ? "the address cannot be served: ports below 1024 are for root"
		  : e == (enum err)EPERM && r->flags & PLAN_TRANSPARENT
			  ? "the address cannot be served: only root may take connections by TPROXY"
			  : "the address cannot be served",
		  LOG_TEXT("service", r->service), LOG_ENDPOINT("listen", &r->endpoint),
		  LOG_TEXT("transport", r->kind == PLAN_UDP ? "udp" : "tcp"), LOG_ERR(e));
}

static void entry_close(struct socket_entry *entry)
{
	for (size_t i = 0; entry->fds && i < entry->fds_n; i++)
		fd_done(&entry->fds[i]);
	free(entry->fds);
	entry->fds = NULL;
	entry->fds_n = 0;
}

/* What has no BPF file system works without it, in another way: the service tells. */
static void bpf_open(struct socket_entry *entry, const struct state_owner *owner)
{
	const struct plan_record *r = &entry->record;
	enum err e = bpffs_make(r->path, owner);
	entry->missing = e != OK;
	if (e)
		log_warning("the service's folder for BPF programs cannot be made; it starts "
			    "without",
			    LOG_TEXT("service", r->service), LOG_TEXT("path", r->path), LOG_ERR(e));
}

static enum err folder_open(const struct plan_record *r, struct socket_entry *ret)
{
	struct socket_entry entry = {.record = *r};
	const struct state_owner named = {.uid = r->uid, .gid = r->gid};
	const struct state_owner *owner = r->uid == PLAN_OWNER_SELF ? NULL : &named;
	if (r->kind == PLAN_BPF) {
		bpf_open(&entry, owner);
		*ret = entry;
		return OK;
	}
	enum err e = state_dir_make(r->path, owner);
	if (e && (r->kind == PLAN_FOLDER || r->kind == PLAN_SHARED)) {
		log_warning("the service's folder cannot be made; it starts without",
			    LOG_TEXT("service", r->service), LOG_TEXT("path", r->path), LOG_ERR(e));
		entry.missing = true;
		e = OK;
	}
	if (e)
		open_error(r, e);
	else
		*ret = entry;
	return e;
}

/* It is root's: who is passed it needs no more than the descriptor. */
static void mapped_open(struct socket_entry *entry)
{
	const struct plan_record *r = &entry->record;
	char folder[PLAN_PATH_MAX];
	(void)snprintf(folder, sizeof(folder), "%s", r->path);
	enum err e = dir_ensure(dirname(folder), 0755);
	if (!e)
		e = shared_file_open(r->path, r->number, &entry->fds[0]);
	if (!e)
		return;
	log_warning("a file for what outlives the service's process cannot be had; it starts "
		    "without",
		    LOG_TEXT("service", r->service), LOG_TEXT("path", r->path), LOG_ERR(e));
	entry_close(entry);
	entry->missing = true;
}

static enum err entry_open(const struct plan_record *r, bool ours, bool absent,
			   struct socket_entry *ret)
{
	struct socket_entry entry = {.record = *r};
	if (plan_is_folder(r))
		return folder_open(r, ret);
	if (r->kind == PLAN_ANEW) {
		*ret = entry;
		return OK;
	}
	entry.fds = malloc(r->copies * sizeof(*entry.fds));
	if (!entry.fds)
		return (enum err)ENOMEM;
	for (size_t i = 0; i < r->copies; i++)
		entry.fds[i] = -1;
	entry.fds_n = r->copies;
	if (r->kind == PLAN_MAPPED) {
		mapped_open(&entry);
		*ret = entry;
		return OK;
	}
	for (size_t i = 0; i < r->copies; i++) {
		enum err e = i == 0 && !ours ? port_try(r, absent) : OK;
		if (!e)
			e = one_open(r, true, absent, &entry.fds[i]);
		if (e && (r->flags & PLAN_OPTIONAL)) {
			entry_close(&entry);
			entry.missing = true;
			log_warning("a socket that the service can do without cannot be opened",
				    LOG_TEXT("service", r->service), LOG_TEXT("path", r->path),
				    LOG_ERR(e));
			break;
		}
		if (e) {
			open_error(r, e);
			entry_close(&entry);
			return e;
		}
	}
	*ret = entry;
	return OK;
}

static struct socket_entry *set_find(const struct socket_set *set, const struct plan_record *r)
{
	for (size_t i = 0; set && i < set->n; i++)
		if (plan_record_same(&set->entries[i].record, r))
			return &set->entries[i];
	return NULL;
}

/* Whether the port is held already, by another number of sockets or for another service. */
static bool set_has_port(const struct socket_set *set, const struct plan_record *r)
{
	for (size_t i = 0; set && i < set->n; i++)
		if (set->entries[i].record.kind == r->kind && has_port(r) &&
		    ip_endpoint_equal(&set->entries[i].record.endpoint, &r->endpoint))
			return true;
	return false;
}

/* Closes what keep does not hold, and removes the files of unix sockets. */
static void others_close(struct socket_set *set, const struct socket_set *keep)
{
	for (size_t i = 0; i < set->n; i++) {
		const struct plan_record *r = &set->entries[i].record;
		if (set_find(keep, r))
			continue;
		if (r->kind == PLAN_UNIX && !set->entries[i].missing)
			(void)unlink(r->path); /* gone already is as good */
		if (plan_is_of_link(r) && !set->entries[i].missing)
			device_unset(r, keep);
		entry_close(&set->entries[i]);
	}
}

/* Sockets that were taken over have the group of the plan before. */
static void groups_follow(const struct plan *plan, struct socket_set *set)
{
	for (size_t i = 0; i < plan->n; i++) {
		const struct plan_record *r = &plan->records[i];
		struct socket_entry *entry = set_find(set, r);
		if (r->kind != PLAN_UNIX || !entry || entry->missing || entry->record.gid == r->gid)
			continue;
		enum err e =
			unix_set_group(r->path, r->gid == PLAN_OWNER_SELF ? getegid() : r->gid);
		if (e)
			open_error(r, e);
		else
			entry->record.gid = r->gid;
	}
}

static bool is_device(const struct plan_record *r)
{
	return r->kind == PLAN_TUN || plan_is_of_link(r);
}

/* Whether it is for an address of a device that is missing: the service starts without, so that the
 * socket is there, and nobody finds it. */
static bool is_absent(const struct socket_set *set, const struct plan_record *r)
{
	for (size_t i = 0; i < set->n; i++) {
		const struct plan_record *of = &set->entries[i].record;
		if (of->kind == PLAN_ADDRESS && set->entries[i].missing && has_port(r) &&
		    ip_address_equal(&of->endpoint.address, &r->endpoint.address))
			return true;
	}
	return false;
}

/* One record at the end of set; what `from` has already is taken over later, when all has
 * succeeded. */
static enum err set_add(struct socket_set *set, const struct socket_set *from,
			const struct plan_record *r)
{
	const struct socket_entry *old = set_find(from, r);
	enum err e = OK;
	if (old)
		set->entries[set->n] = *old;
	else if (is_device(r))
		e = device_open(r, set, &set->entries[set->n]);
	else
		e = entry_open(r, set_has_port(from, r), is_absent(set, r), &set->entries[set->n]);
	set->n += e == OK;
	return e;
}

enum err socket_set_open(const struct plan *plan, struct socket_set *from, struct socket_set *ret)
{
	struct socket_set set = {.entries = calloc(plan->n + 1, sizeof(*set.entries))};
	enum err e = OK;
	if (!set.entries)
		return (enum err)ENOMEM;
	/* Devices first: sockets of other services may be bound to their addresses. */
	for (size_t i = 0; !e && i < 2 * plan->n; i++) {
		const struct plan_record *r = &plan->records[i % plan->n];
		if (r->kind != PLAN_SERVICE && is_device(r) == (i < plan->n))
			e = set_add(&set, from, r);
	}
	if (e) {
		others_close(&set, from);
		free(set.entries);
		return e;
	}
	for (size_t i = 0; from && i < from->n; i++)
		if (set_find(&set, &from->entries[i].record))
			from->entries[i].fds = NULL;
	groups_follow(plan, &set);
	*ret = set;
	return OK;
}

void socket_set_done(struct socket_set *set, const struct socket_set *keep)
{
	others_close(set, keep);
	for (size_t i = 0; i < set->n; i++)
		entry_close(
			&set->entries[i]); /* what keep holds was taken from here, and is NULL */
	free(set->entries);
	*set = (struct socket_set){0};
}

size_t socket_set_count(const struct socket_set *set, const char *service)
{
	size_t n = 0;
	for (size_t i = 0; i < set->n; i++)
		if (strcmp(set->entries[i].record.service, service) == 0)
			n += set->entries[i].fds_n;
	return n;
}

const char *socket_set_folder(const struct socket_set *set, const char *service,
			      enum plan_kind kind)
{
	for (size_t i = 0; i < set->n; i++)
		if (set->entries[i].record.kind == kind && !set->entries[i].missing &&
		    strcmp(set->entries[i].record.service, service) == 0)
			return set->entries[i].record.path;
	return NULL;
}

static size_t count_entries(const struct socket_set *set, const char *service)
{
	size_t n = 0;
	for (size_t i = 0; i < set->n; i++)
		n += strcmp(set->entries[i].record.service, service) == 0 &&
		     !plan_is_of_link(&set->entries[i].record);
	return n;
}

bool socket_set_same(const struct socket_set *a, const struct socket_set *b, const char *service)
{
	if (count_entries(a, service) != count_entries(b, service))
		return false;
	for (size_t i = 0; i < a->n; i++)
		if (strcmp(a->entries[i].record.service, service) == 0 &&
		    !plan_is_of_link(&a->entries[i].record) && !set_find(b, &a->entries[i].record))
			return false;
	return true;
}
