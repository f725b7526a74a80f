/* What people see and change of the quotas. */
#include "base/writer.h"
#include "config/units.h"
#include "control/control.h"
#include "os/clock.h"
#include "os/log.h"
#include "service/forward-proxy/io_quotas.h"

#include <stdlib.h>

enum { SHOW_USUAL = 100, SHOW_MAX = 65536 };

#define GRANT_MAX (UINT64_C(1) << 50)

static const char *const bys[] = {"address", "user", "group", "all"};

static void set_number(json_t *object, const char *key, uint64_t n)
{
	(void)json_object_set_new(object, key, json_integer((json_int_t)n));
}

/* ---- what is there ---- */

struct shown {
	struct quota_use use;
	bool over;
};

static uint64_t sum_of(const struct quota_use *u)
{
	return u->used[BANDWIDTH_UP] + u->used[BANDWIDTH_DOWN];
}

static int most_first(const void *a, const void *b)
{
	uint64_t x = sum_of(&((const struct shown *)a)->use);
	uint64_t y = sum_of(&((const struct shown *)b)->use);
	return x < y ? 1 : x > y ? -1 : 0;
}

/* How many were put into ret, which is the caller's to free; NULL: no memory. */
static size_t gather(struct forward_quotas *q, const struct quotas *all, struct span only,
		     struct shown **ret)
{
	size_t room = quota_rows(q->table) + 16, n = 0, at = 0;
	struct shown *list = calloc(room, sizeof(*list));
	while (list && n < room && quota_next(q->table, &at, &list[n].use)) {
		const struct quota_use *u = &list[n].use;
		const struct quota *quota = quota_find(all, span_text(u->quota));
		if (!quota || (only.len && !span_is(only, u->quota)) || (!sum_of(u) && !u->extra))
			continue;
		list[n++].over = quota_is_over(quota, u);
	}
	if (list)
		qsort(list, n, sizeof(*list), most_first);
	*ret = list;
	return n;
}

static json_t *client_json(const struct shown *s)
{
	const struct quota_use *u = &s->use;
	json_t *json = json_object();
	json_t *who = json_stringn((const char *)u->who, u->who_len);
	(void)json_object_set_new(json, "quota", json_string(u->quota));
	/* What is not UTF-8 is no text for JSON. */
	(void)json_object_set_new(json, "client", who ? who : json_string("?"));
	(void)json_object_set_new(json, "by", json_string(bys[u->by]));
	set_number(json, "up", u->used[BANDWIDTH_UP]);
	set_number(json, "down", u->used[BANDWIDTH_DOWN]);
	set_number(json, "extra", u->extra);
	set_number(json, "ends", u->period.ends_s);
	(void)json_object_set_new(json, "over", json_boolean(s->over));
	return json;
}

static json_t *quota_json(const struct quota *q, const struct policy_zone *zone)
{
	static const char *const every[] = {"day", "week", "month"};
	json_t *json = json_object();
	(void)json_object_set_new(json, "quota", json_string(q->name));
	(void)json_object_set_new(json, "by", json_string(bys[q->by]));
	(void)json_object_set_new(json, "every", json_string(every[q->period.every]));
	(void)json_object_set_new(json, "then",
				  json_string(q->then == QUOTA_SLOW ? "slow" : "refuse"));
	set_number(json, "bytes", q->bytes);
	set_number(json, "down", q->ways[BANDWIDTH_DOWN]);
	set_number(json, "up", q->ways[BANDWIDTH_UP]);
	set_number(json, "ends", period_of(&q->period, zone, clock_wall_s()).ends_s);
	return json;
}

void forward_quotas_show(struct forward_quotas *q, const struct quotas *all,
			 const struct control_request *req, struct control_reply *reply)
{
	const char *limit = control_request_query(req, "limit");
	const char *only = control_request_query(req, "quota");
	uint64_t most = SHOW_USUAL;
	struct shown *list;
	if (limit && !span_to_u64(span_text(limit), SHOW_MAX, &most)) {
		control_reply_error(reply, 400, "limit= must be a number up to 65536");
		return;
	}
	if (only && !quota_find(all, span_text(only))) {
		control_reply_error(reply, 404, "there is no quota of that name");
		return;
	}
	size_t n = gather(q, all, only ? span_text(only) : (struct span){0}, &list);
	if (!list) {
		control_reply_error(reply, 503, "out of memory");
		return;
	}
	json_t *quotas = json_array(), *clients = json_array();
	for (size_t i = 0; i < all->n; i++)
		if (!only || span_is(span_text(only), all->items[i].name))
			(void)json_array_append_new(quotas, quota_json(&all->items[i], all->zone));
	for (size_t i = 0; i < n && i < most; i++)
		(void)json_array_append_new(clients, client_json(&list[i]));
	free(list);
	control_reply_json(reply, 200,
			   json_pack("{s:o, s:I, s:o}", "quotas", quotas, "clients_total",
				     (json_int_t)n, "clients", clients));
}

/* ---- changes ---- */

/* As it is counted: of an address of IPv6 its /64. False: it is none. */
static bool name_address(const struct quota *q, struct span who, struct quota_use *ret)
{
	char text[IP_PREFIX_TEXT_MAX];
	struct ip_prefix p;
	if (ip_prefix_parse(who, &p))
		return false;
	bool network = p.address.family == 6 && p.bits == 64;
	if (!network && p.bits != 8 * ip_address_len(&p.address))
		return false;
	p.address = ip_address_unmap(&p.address);
	p = ip_prefix_of(&p.address, 64);
	quota_use_name(ret, q->name, QUOTA_BY_ADDRESS,
		       span_of(text, p.address.family == 6 ? ip_prefix_format(&p, text)
							   : ip_address_format(&p.address, text)));
	return true;
}

static bool has_group(const struct quota *q, struct span name)
{
	for (size_t i = 0; i < q->whom.groups_n; i++)
		if (span_is(name, q->whom.groups[i]))
			return true;
	return false;
}

/* False: nobody of that quota is called so. */
static bool name_who(const struct quota *q, struct span who, struct quota_use *ret)
{
	switch (q->by) {
	case QUOTA_BY_ADDRESS: return name_address(q, who, ret);
	case QUOTA_BY_USER: /* or an address, of who has not signed in */
		if (!name_address(q, who, ret))
			quota_use_name(ret, q->name, QUOTA_BY_USER, who);
		return true;
	case QUOTA_BY_GROUP:
		quota_use_name(ret, q->name, QUOTA_BY_GROUP, who);
		return has_group(q, who);
	case QUOTA_BY_ALL: break;
	}
	quota_use_name(ret, q->name, QUOTA_BY_ALL, who);
	return span_is(who, "all");
}

/* Whose quota is meant; false: that is no such thing, which was answered. */
static bool read_which(const struct quotas *all, const struct control_request *req,
		       struct control_reply *reply, struct quota_use *ret)
{
	const char *name = control_request_query(req, "quota");
	const char *client = control_request_query(req, "client");
	const struct quota *q = name ? quota_find(all, span_text(name)) : NULL;
	*ret = (struct quota_use){.extra = 0};
	if (!name || !client) {
		control_reply_error(reply, 400, "quota= and client= are wanted");
		return false;
	}
	if (!q) {
		control_reply_error(reply, 404, "there is no quota of that name");
		return false;
	}
	if (!*client || strlen(client) > QUOTA_WHO_MAX || !name_who(q, span_text(client), ret)) {
		control_reply_error(reply, 400,
				    "client= is none of that quota: an address, a user, one of "
				    "its groups or `all`, as its `by` has it");
		return false;
	}
	ret->period = period_of(&q->period, all->zone, clock_wall_s());
	return true;
}

void forward_quotas_reset(struct forward_quotas *q, const struct quotas *all,
			  const struct control_request *req, struct control_reply *reply)
{
	struct quota_use which;
	if (!read_which(all, req, reply, &which))
		return;
	if (!quota_reset(q->table, &which)) {
		control_reply_error(reply, 404, "that client has used nothing of that quota");
		return;
	}
	forward_quotas_save(q);
	log_info("a client's quota begins anew", LOG_TEXT("quota", which.quota));
	control_reply_json(reply, 200, json_pack("{s:b}", "reset", 1));
}

void forward_quotas_grant(struct forward_quotas *q, const struct quotas *all,
			  const struct control_request *req, struct control_reply *reply)
{
	const char *bytes = control_request_query(req, "bytes");
	struct quota_use which;
	uint64_t extra = 0;
	if (!read_which(all, req, reply, &which))
		return;
	if (!bytes || config_size_parse(span_text(bytes), &extra) || !extra || extra > GRANT_MAX) {
		control_reply_error(reply, 400, "bytes= must be a size, as 500M");
		return;
	}
	which.extra = extra;
	if (quota_put(q->table, &which)) {
		control_reply_error(reply, 503, "there is no room to count one client more");
		return;
	}
	forward_quotas_save(q);
	log_info("a client may move more in this period", LOG_TEXT("quota", which.quota),
		 LOG_U64("bytes", extra));
	control_reply_json(reply, 200,
			   json_pack("{s:I, s:I}", "granted", (json_int_t)extra, "ends",
				     (json_int_t)which.period.ends_s));
}

/* ---- metrics ---- */

static void write_each(const struct quotas *all, const uint64_t *values, const char *prefix,
		       const char *name, const char *help, struct writer *w)
{
	write_format(w, "# HELP %squota_%s %s\n# TYPE %squota_%s gauge\n", prefix, name, help,
		     prefix, name);
	for (size_t i = 0; i < all->n; i++)
		write_format(w, "%squota_%s{quota=\"%s\"} %llu\n", prefix, name, all->items[i].name,
			     (unsigned long long)values[i]);
}

void forward_quotas_metrics(const struct forward_quotas *q, const struct quotas *all,
			    const char *prefix, struct writer *w)
{
	uint64_t clients[QUOTAS_MAX] = {0}, over[QUOTAS_MAX] = {0}, bytes[QUOTAS_MAX] = {0};
	struct quota_use u;
	for (size_t at = 0; quota_next(q->table, &at, &u);) {
		const struct quota *quota = quota_find(all, span_text(u.quota));
		if (!quota)
			continue;
		clients[quota - all->items]++;
		bytes[quota - all->items] += sum_of(&u);
		over[quota - all->items] += quota_is_over(quota, &u);
	}
	write_each(all, clients, prefix, "clients", "clients that have used some of it", w);
	write_each(all, over, prefix, "clients_over", "of them those that have used it up", w);
	write_each(all, bytes, prefix, "used_bytes", "octets that they have used", w);
	write_format(w,
		     "# HELP %squota_save_failures_total times that what was used could not be "
		     "kept\n# TYPE %squota_save_failures_total counter\n"
		     "%squota_save_failures_total %llu\n",
		     prefix, prefix, prefix, (unsigned long long)q->failures);
}
