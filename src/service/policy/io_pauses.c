#include "service/policy/io_pauses.h"

#include "base/writer.h"
#include "os/file.h"
#include "policy/io_follow.h"

#include <stdio.h>
#include <stdlib.h>

enum err pauses_init(struct pauses *p, const char *folder)
{
	*p = (struct pauses){0};
	if (asprintf(&p->path, "%s/%s", folder, POLICY_FILE_PAUSES) >= 0)
		return OK;
	p->path = NULL;
	return ENOMEM;
}

void pauses_done(struct pauses *p)
{
	free(TAKE(p->path));
}

static void add(struct pauses *p, struct span group, uint64_t until_s, uint64_t now_s)
{
	struct pause *to = &p->items[p->n];
	if (until_s > now_s && p->n < POLICY_GROUPS_MAX + 1 &&
	    span_to_cstr(group, to->group, sizeof(to->group))) {
		to->until_s = until_s;
		p->n++;
	}
}

void pauses_take(struct pauses *p, const struct policy *policy, const struct policy_pauses *held,
		 uint64_t now_s)
{
	struct policy_facts facts;
	policy_facts(policy, &facts);
	p->n = 0;
	add(p, (struct span){0}, held->all_s, now_s);
	for (unsigned i = 0; i < facts.groups; i++)
		add(p, policy_group_name(policy, i), held->groups_s[i], now_s);
}

static enum err write_all(const struct pauses *p)
{
	struct policy_pause list[POLICY_GROUPS_MAX + 1];
	uint8_t room[POLICY_PAUSES_LEN_MAX];
	struct writer w = writer_of(room, sizeof(room));
	for (size_t i = 0; i < p->n; i++)
		list[i] = (struct policy_pause){span_text(p->items[i].group), p->items[i].until_s};
	policy_pauses_write(list, p->n, &w);
	TRY(writer_check(&w));
	return file_write_atomic(p->path, writer_span(&w), 0600);
}

enum err pauses_set(struct pauses *p, const char *group, uint64_t until_s, uint64_t now_s)
{
	size_t kept = 0, before = p->n;
	/* Those that are over go, and the one of before. */
	for (size_t i = 0; i < before; i++)
		if (p->items[i].until_s > now_s && strcmp(p->items[i].group, group) != 0)
			p->items[kept++] = p->items[i];
	p->n = kept;
	if (until_s > now_s && kept == POLICY_GROUPS_MAX + 1)
		return ERR_LIMIT;
	add(p, span_text(group), until_s, now_s);
	return write_all(p);
}

uint64_t pauses_until(const struct pauses *p, const char *group, uint64_t now_s)
{
	for (size_t i = 0; i < p->n; i++)
		if (strcmp(p->items[i].group, group) == 0 && p->items[i].until_s > now_s)
			return p->items[i].until_s;
	return 0;
}
