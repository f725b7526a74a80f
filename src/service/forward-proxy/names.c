#include "service/forward-proxy/names.h"

enum {
	TTL_LEAST_S = 1, /* who waited must find it */
	TTL_MOST_S = 3600,
	ABSENT_S = 10,
	UNTOLD_S = 2,  /* a resolver that is away is not asked for each request */
	PARTLY_S = 60, /* one of the two types was not told in time */
};

enum state { NEW, ASKED, KNOWN };

struct name {
	struct name *next, *previous; /* of the list that it stands in, by state */
	struct name_waiter *waiters;
	struct names_addresses addresses;
	uint64_t until_ms;
	uint8_t state; /* enum state */
	bool told;     /* by a resolver; with n 0 it is absent */
	bool late;     /* known, and in no list: names_late is to come */
	uint8_t len;
	char text[NAMES_TEXT_MAX];
};

/* --- lists ------------------------------------------------------------------------------------ */

static void list_add(struct name_list *l, struct name *k)
{
	k->previous = NULL;
	k->next = l->first;
	if (k->next)
		k->next->previous = k;
	else
		l->last = k;
	l->first = k;
}

static void list_remove(struct name_list *l, struct name *k)
{
	if (k->previous)
		k->previous->next = k->next;
	else
		l->first = k->next;
	if (k->next)
		k->next->previous = k->previous;
	else
		l->last = k->previous;
}

static void line_add(struct name_waiter **line, struct name_waiter *w)
{
	ASSERT(!w->link);
	w->next = *line;
	if (w->next)
		w->next->link = &w->next;
	*line = w;
	w->link = line;
}

void names_leave(struct name_waiter *w)
{
	if (!w->link)
		return;
	*w->link = w->next;
	if (w->next)
		w->next->link = w->link;
	w->link = NULL;
	w->next = NULL;
}

/* --- which there are -------------------------------------------------------------------------- */

struct span names_text(const struct name *k)
{
	return span_of(k->text, k->len);
}

static bool is_of(const void *record, const void *key, size_t key_len)
{
	return span_equal(names_text(record), span_of(key, key_len));
}

void names_init(struct names *n, struct hash_key key, size_t max)
{
	*n = (struct names){.max = max};
	table_init(&n->table, key, max, is_of);
	slab_init(&n->slab, sizeof(struct name), max);
}

void names_done(struct names *n)
{
	table_done(&n->table);
	slab_done(&n->slab);
	*n = (struct names){0};
}

static void forget(struct names *n, struct name *k)
{
	(void)table_remove(&n->table, table_hash(&n->table, names_text(k)), k->text, k->len);
	list_remove(&n->used, k);
	slab_give(&n->slab, k);
}

/* The one that was used last gives way; those that are asked for do not. */
static struct name *name_new(struct names *n, struct span text, uint32_t hash)
{
	if (slab_used(&n->slab) == n->max && n->used.last)
		forget(n, n->used.last);
	struct name *k = slab_take(&n->slab);
	if (!k)
		return NULL;
	k->len = (uint8_t)text.len;
	memcpy(k->text, text.data, text.len);
	if (table_insert(&n->table, hash, k->text, k->len, k)) {
		slab_give(&n->slab, k);
		return NULL;
	}
	list_add(&n->due, k);
	return k;
}

static enum names_found found(const struct name *k, struct names_addresses *ret)
{
	if (!k->addresses.n)
		return k->told ? NAMES_ABSENT : NAMES_UNTOLD;
	ret->n = k->addresses.n;
	memcpy(ret->items, k->addresses.items, ret->n * sizeof(ret->items[0]));
	return NAMES_KNOWN;
}

enum names_found names_find(struct names *n, struct span text, uint64_t now_ms,
			    struct name_waiter *w, struct names_addresses *ret)
{
	ASSERT(text.len <= NAMES_TEXT_MAX);
	uint32_t hash = table_hash(&n->table, text);
	struct name *k = table_find(&n->table, hash, text.data, text.len);
	if (k && k->state == KNOWN) {
		if (k->late && k->until_ms > now_ms)
			return found(k, ret);
		if (!k->late)
			list_remove(&n->used, k);
		k->late = false;
		list_add(k->until_ms > now_ms ? &n->used : &n->due, k);
		if (k->until_ms > now_ms)
			return found(k, ret);
		k->state = NEW;
	}
	if (!k)
		k = name_new(n, text, hash);
	if (!k)
		return NAMES_FULL;
	if (w)
		line_add(&k->waiters, w);
	return NAMES_WAIT;
}

struct name *names_due(struct names *n)
{
	struct name *k = n->due.last;
	if (!k)
		return NULL;
	list_remove(&n->due, k);
	k->state = ASKED;
	return k;
}

/* --- answers ---------------------------------------------------------------------------------- */

/* RFC 8305 4: one of each family in turn, IPv6 first; what worked before comes first of all. */
static void sort(struct names_addresses *to, const struct names_answer *from,
		 const struct ip_address *good)
{
	size_t at[2] = {0, 0};
	struct names_addresses sorted = {.n = 0};
	for (unsigned turn = 1; sorted.n < NAMES_ADDRESSES_MAX; turn ^= 1) {
		bool any = at[0] < from->of[0].n || at[1] < from->of[1].n;
		if (!any)
			break;
		if (at[turn] < from->of[turn].n)
			sorted.items[sorted.n++] = from->of[turn].items[at[turn]++];
	}
	for (size_t i = 0; i < sorted.n; i++) {
		if (!ip_address_equal(&sorted.items[i], good))
			continue;
		memmove(&sorted.items[1], &sorted.items[0], i * sizeof(sorted.items[0]));
		sorted.items[0] = *good;
		break;
	}
	*to = sorted;
}

static uint32_t life_s(const struct names_answer *a, bool told, size_t n)
{
	uint32_t s = a->of[0].told && a->of[1].told ? TTL_MOST_S : PARTLY_S;
	if (!n)
		return told ? ABSENT_S : UNTOLD_S;
	for (size_t i = 0; i < 2; i++)
		if (a->of[i].told && a->of[i].n && a->of[i].ttl_s < s)
			s = a->of[i].ttl_s;
	return s < TTL_LEAST_S ? TTL_LEAST_S : s;
}

void names_take(struct names *n, struct name *k, uint64_t now_ms, const struct names_answer *answer)
{
	struct ip_address good = k->addresses.items[0];
	ASSERT(k->state == ASKED);
	sort(&k->addresses, answer, &good);
	/* That there is nothing is known only when both types say so. */
	k->told = answer->of[0].told && answer->of[1].told;
	k->until_ms = now_ms + UINT64_C(1000) * life_s(answer, k->told, k->addresses.n);
	k->state = KNOWN;
	k->late = answer->more_comes;
	if (!k->late)
		list_add(&n->used, k);
	while (k->waiters) {
		struct name_waiter *w = k->waiters;
		names_leave(w);
		line_add(&n->told, w);
	}
}

void names_late(struct names *n, struct name *k, uint64_t now_ms, const struct names_answer *answer)
{
	struct ip_address good = k->addresses.items[0];
	if (!k->late)
		return;
	/* What was known first does not live longer for it. */
	uint64_t until_ms = now_ms + UINT64_C(1000) * life_s(answer, k->told, k->addresses.n);
	if (until_ms < k->until_ms)
		k->until_ms = until_ms;
	sort(&k->addresses, answer, &good);
	k->late = false;
	list_add(&n->used, k);
}

struct name_waiter *names_told(struct names *n)
{
	struct name_waiter *w = n->told;
	if (w)
		names_leave(w);
	return w;
}

void names_worked(struct names *n, struct span text, const struct ip_address *a)
{
	struct name *k = table_find(&n->table, table_hash(&n->table, text), text.data, text.len);
	struct ip_address good = *a;
	for (size_t i = 1; k && i < k->addresses.n; i++) {
		if (!ip_address_equal(&k->addresses.items[i], &good))
			continue;
		memmove(&k->addresses.items[1], &k->addresses.items[0],
			i * sizeof(k->addresses.items[0]));
		k->addresses.items[0] = good;
		return;
	}
}
