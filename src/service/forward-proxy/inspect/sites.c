#include "service/forward-proxy/inspect/sites.h"

#include "crypto/tls.h"
#include "crypto/tls_chain.h"
#include "crypto/tls_mint.h"

#include <stdlib.h>
#include <string.h>

struct inspect_site {
	struct inspect_site *next, *previous;
	struct tls_server *door;      /* counted; NULL: none */
	struct tls_server *like;      /* by which it was made; counted */
	struct certificate_time time; /* of what the door shows */
	uint64_t left_until_s;	      /* 0: it is not */
	char name[INSPECT_SITE_NAME_MAX];
};

static bool is_of(const void *record, const void *key, size_t key_len)
{
	const struct inspect_site *site = record;
	return strlen(site->name) == key_len && memcmp(site->name, key, key_len) == 0;
}

void inspect_sites_init(struct inspect_sites *s, struct hash_key key, size_t max)
{
	ASSERT(max > 0);
	*s = (struct inspect_sites){.max = max};
	table_init(&s->table, key, TABLE_RECORDS_MAX, is_of);
}

static void door_drop(struct inspect_site *site)
{
	tls_server_unref(TAKE(site->door));
	tls_server_unref(TAKE(site->like));
}

static void unlink_site(struct inspect_sites *s, struct inspect_site *site)
{
	if (site->previous)
		site->previous->next = site->next;
	else
		s->first = site->next;
	if (site->next)
		site->next->previous = site->previous;
	else
		s->last = site->previous;
}

static void link_first(struct inspect_sites *s, struct inspect_site *site)
{
	site->previous = NULL;
	site->next = s->first;
	if (site->next)
		site->next->previous = site;
	else
		s->last = site;
	s->first = site;
}

static void forget(struct inspect_sites *s, struct inspect_site *site)
{
	size_t len = strlen(site->name);
	unlink_site(s, site);
	(void)table_remove(&s->table, table_hash(&s->table, span_of(site->name, len)), site->name,
			   len);
	door_drop(site);
	free(site);
	s->n--;
}

void inspect_sites_done(struct inspect_sites *s)
{
	while (s->first)
		forget(s, s->first);
	table_done(&s->table);
	*s = (struct inspect_sites){0};
}

static struct inspect_site *find(const struct inspect_sites *s, struct span name)
{
	return table_find(&s->table, table_hash(&s->table, name), name.data, name.len);
}

/* The one of that name, made when there is none. NULL: no memory. */
static struct inspect_site *use(struct inspect_sites *s, struct span name)
{
	struct inspect_site *site = find(s, name);
	if (site) {
		unlink_site(s, site);
		link_first(s, site);
		return site;
	}
	if (s->n >= s->max)
		forget(s, s->last);
	site = calloc(1, sizeof(*site));
	if (!site || !span_to_cstr(name, site->name, sizeof(site->name)) ||
	    table_insert(&s->table, table_hash(&s->table, name), site->name, name.len, site)) {
		free(site);
		return NULL;
	}
	link_first(s, site);
	s->n++;
	return site;
}

/* Will it do for a while? What ends with the server's own need not be made anew for that. */
static bool is_good(const struct inspect_site *site, const struct inspect_maker *by,
		    struct certificate_time server, uint64_t now_s)
{
	const struct certificate_time *t = &site->time;
	return site->door && site->like == by->like && t->from_s >= server.from_s &&
	       t->until_s <= server.until_s && t->from_s <= now_s && t->until_s > now_s &&
	       (t->until_s - now_s >= INSPECT_RENEW_S || t->until_s == server.until_s);
}

static enum err door_make(struct inspect_site *site, const struct inspect_maker *by,
			  struct certificate_time time)
{
	AUTO(tls_chain_unref) struct tls_chain *chain = NULL;
	struct tls_server *door = NULL;
	TRY(tls_mint_chain(by->mint, site->name, time, &chain, &time.until_s));
	TRY(tls_server_alone(by->like, chain, &door));
	door_drop(site);
	site->door = door;
	site->like = tls_server_ref(by->like);
	site->time = time;
	return OK;
}

enum err inspect_sites_door(struct inspect_sites *s, const struct inspect_maker *by,
			    const char *name, struct certificate_time server, uint64_t now_s,
			    struct tls_server **ret)
{
	struct certificate_time time = {now_s - INSPECT_BEFORE_S, now_s + INSPECT_LIFE_S};
	if (time.from_s < server.from_s)
		time.from_s = server.from_s;
	if (time.until_s > server.until_s)
		time.until_s = server.until_s;
	struct inspect_site *site = use(s, span_text(name));
	if (!site)
		return (enum err)ENOMEM;
	if (!is_good(site, by, server, now_s))
		TRY(door_make(site, by, time));
	*ret = tls_server_ref(site->door);
	return OK;
}

void inspect_sites_leave(struct inspect_sites *s, const char *name, uint64_t until_s)
{
	struct inspect_site *site = use(s, span_text(name));
	if (site)
		site->left_until_s = until_s;
}

bool inspect_sites_is_left(const struct inspect_sites *s, const char *name, uint64_t now_s)
{
	const struct inspect_site *site = s->n ? find(s, span_text(name)) : NULL;
	return site && site->left_until_s > now_s;
}
