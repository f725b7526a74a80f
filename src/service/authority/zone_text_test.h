/* Reads a zone file of test/data into a text for a test. Knows nothing of what it says. */
#ifndef AUTHORITY_ZONE_TEXT_TEST_H
#define AUTHORITY_ZONE_TEXT_TEST_H

#include <stdio.h>
#include <stdlib.h>

/* free() by the caller; ends the test when the file is not there. */
static inline char *zone_text_read(const char *path)
{
	FILE *f = fopen(path, "rb");
	char *text = calloc(1, 1 << 20);

	if (!f || !text)
		abort();
	if (fread(text, 1, (1 << 20) - 1, f) == 0)
		abort();
	(void)fclose(f);
	return text;
}

#endif
