#include "http-cache/disk/names.h"

#include <stdlib.h>

bool disk_names_find(const struct disk_names *names, uint32_t hash, struct span *ret)
{
	for (size_t i = 0; i < names->n; i++) {
		if (names->items[i].hash != hash)
			continue;
		*ret = span_of(names->items[i].text, names->items[i].len);
		return true;
	}
	return false;
}

void disk_names_learn(struct disk_names *names, uint32_t hash, struct span text)
{
	struct span known;
	char *copy = NULL;
	if (names->n == DISK_NAMES_MAX || disk_names_find(names, hash, &known))
		return;
	if (text.len) {
		copy = malloc(text.len);
		if (!copy)
			return;
		memcpy(copy, text.data, text.len);
	}
	names->items[names->n].hash = hash;
	names->items[names->n].len = (uint32_t)text.len;
	names->items[names->n++].text = copy;
}

void disk_names_done(struct disk_names *names)
{
	for (size_t i = 0; i < names->n; i++)
		free(names->items[i].text);
	names->n = 0;
}
