// SPDX-License-Identifier: GPL-2.0-only
/*
 * The probes of tracepoints that tell the guard what happens to pages. They are
 * registered only while a guarded policy is attached.
 */

#include <linux/tracepoint.h>

#include "../core/guard.h"
#include "shim.h"

/* Under the page cache's lock, with interrupts off. */
static void raext_probe_add(void *unused, struct folio *folio)
{
	struct raext_call *call = raext_call_find(folio->mapping);

	if (call)
		raext_guard_added(&call->ctx, folio->index,
				  folio->index + folio_nr_pages(folio) - 1);
}

/* Under the page cache's lock, with interrupts off. */
static void raext_probe_delete(void *unused, struct folio *folio)
{
	raext_guard_dropped(folio->mapping, folio->index,
			    folio->index + folio_nr_pages(folio) - 1);
}

static void raext_probe_range(void *unused, struct address_space *mapping,
			      pgoff_t first, pgoff_t last)
{
	raext_guard_used(mapping, first, last);
}

static void raext_probe_fault(void *unused, struct address_space *mapping,
			      pgoff_t index)
{
	raext_guard_used(mapping, index, index);
}

static struct raext_probe {
	const char *name;
	void *probe;
	struct tracepoint *tracepoint;
} raext_probes[] = {
	{ "mm_filemap_add_to_page_cache", raext_probe_add },
	{ "mm_filemap_delete_from_page_cache", raext_probe_delete },
	{ "mm_filemap_get_pages", raext_probe_range },
	{ "mm_filemap_map_pages", raext_probe_range },
	{ "mm_filemap_fault", raext_probe_fault },
};

static void raext_probe_found(struct tracepoint *tracepoint, void *unused)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(raext_probes); i++) {
		if (!strcmp(tracepoint->name, raext_probes[i].name))
			raext_probes[i].tracepoint = tracepoint;
	}
}

static void raext_probes_unregister(size_t nr)
{
	while (nr--)
		tracepoint_probe_unregister(raext_probes[nr].tracepoint,
					    raext_probes[nr].probe, NULL);
	tracepoint_synchronize_unregister();
}

/**
 * raext_env_watch - begin to tell the guard of pages
 *
 * Return: 0, or an error where this kernel lacks a tracepoint
 */
int raext_env_watch(void)
{
	size_t i;

	for_each_kernel_tracepoint(raext_probe_found, NULL);
	for (i = 0; i < ARRAY_SIZE(raext_probes); i++) {
		struct raext_probe *probe = &raext_probes[i];
		int err = -ENOENT;

		if (probe->tracepoint)
			err = tracepoint_probe_register(probe->tracepoint,
							probe->probe, NULL);
		if (err) {
			pr_err("no guard without the tracepoint %s (%d)\n",
			       probe->name, err);
			raext_probes_unregister(i);
			return err;
		}
	}
	return 0;
}

/**
 * raext_env_unwatch - the opposite of raext_env_watch()
 *
 * On return no probe runs.
 */
void raext_env_unwatch(void)
{
	raext_probes_unregister(ARRAY_SIZE(raext_probes));
}
