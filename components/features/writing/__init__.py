"""The second Beam job: transformed examples into files, with sums that must agree."""
