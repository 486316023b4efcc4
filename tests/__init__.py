"""Tests of gradnet_tf, one module of tests for each module of the package."""
