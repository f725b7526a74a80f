#define PCRE2_CODE_UNIT_WIDTH 8
#include "regex/regex.h"

#include <pcre2.h>
#include <stdio.h>
#include <stdlib.h>

/* Where the matcher keeps its places to go back to: 20 KiB at first, then twice as much each time.
 * Of the stack, so that no request allocates; pages that are not used cost nothing. */
enum { ROOM = 384 << 10 };

struct room {
	size_t used;
	_Alignas(16) uint8_t bytes[ROOM];
};

struct regex {
	pcre2_code *code;
	uint32_t groups;
};

static void *room_take(size_t size, void *arg)
{
	struct room *room = arg;
	size = (size + 15) & ~(size_t)15;
	if (size > sizeof(room->bytes) - room->used)
		return NULL;
	void *at = room->bytes + room->used;
	room->used += size;
	return at;
}

static void room_give(void *at, void *arg)
{
	/* All of it goes at once, with the stack. */
	(void)at;
	(void)arg;
}

enum err regex_new(struct span text, struct regex **ret, char wrong[REGEX_WRONG_MAX])
{
	struct regex *r = calloc(1, sizeof(*r));
	int number;
	PCRE2_SIZE at;
	if (!r)
		return ENOMEM;
	r->code = pcre2_compile(text.len ? text.data : (const uint8_t *)"", text.len,
				PCRE2_NEVER_UTF | PCRE2_NEVER_BACKSLASH_C, &number, &at, NULL);
	if (!r->code) {
		uint8_t said[REGEX_WRONG_MAX / 2] = "";
		(void)pcre2_get_error_message(number, said, sizeof(said));
		if (wrong)
			(void)snprintf(wrong, REGEX_WRONG_MAX,
				       "no regular expression: %s (at character %zu)",
				       (const char *)said, at + 1);
		free(r);
		return ERR_FORMAT;
	}
	(void)pcre2_pattern_info(r->code, PCRE2_INFO_CAPTURECOUNT, &r->groups);
	*ret = r;
	return OK;
}

void regex_free(struct regex *r)
{
	if (!r)
		return;
	pcre2_code_free(r->code);
	free(r);
}

size_t regex_groups(const struct regex *r)
{
	return r->groups < REGEX_GROUPS_MAX ? r->groups : REGEX_GROUPS_MAX;
}

size_t regex_group(const struct regex *r, struct span name)
{
	char text[64];
	if (!span_to_cstr(name, text, sizeof(text)))
		return 0;
	int n = pcre2_substring_number_from_name(r->code, (PCRE2_SPTR)text);
	return n > 0 ? (size_t)n : 0;
}

static size_t groups_of(const pcre2_match_data *data, int pairs, struct span subject,
			struct span *groups, size_t max)
{
	/* The header takes what is not written to as it likes. */
	const PCRE2_SIZE *at = pcre2_get_ovector_pointer((pcre2_match_data *)(uintptr_t)data);
	size_t n = pairs > 0 ? (size_t)pairs - 1 : 0;
	for (size_t i = 0; i < n && i < max; i++) {
		PCRE2_SIZE first = at[2 * i + 2], end = at[2 * i + 3];
		groups[i] = first == PCRE2_UNSET || end < first
				    ? (struct span){0}
				    : span_sub(subject, first, end - first);
	}
	return n < max ? n : max;
}

enum err regex_match(const struct regex *r, struct span subject, struct span *groups,
		     size_t groups_max, size_t *ret_groups)
{
	struct room room;
	room.used = 0;
	pcre2_general_context *memory = pcre2_general_context_create(room_take, room_give, &room);
	pcre2_match_context *limits = memory ? pcre2_match_context_create(memory) : NULL;
	pcre2_match_data *data = limits ? pcre2_match_data_create(r->groups + 1, memory) : NULL;
	if (!data)
		return ERR_LIMIT;
	(void)pcre2_set_match_limit(limits, REGEX_STEPS_MAX);
	int n = pcre2_match(r->code, subject.len ? subject.data : (const uint8_t *)"", subject.len,
			    0, 0, data, limits);
	if (n == PCRE2_ERROR_NOMATCH)
		return ERR_ABSENT;
	if (n < 0)
		return ERR_LIMIT;
	*ret_groups = groups_of(data, n, subject, groups, groups_max);
	return OK;
}
