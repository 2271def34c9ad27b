"""My data: what we keep of somebody, shown to them by a private link, corrected, copied, erased."""
